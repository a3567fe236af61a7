"""/v3/users/{id}/credentials/OS-EC2: pairs of access key and secret, which the server makes."""

from __future__ import annotations

import json
import secrets
from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import ID_OR_NULL
from iaas.api.identity.credentials.credentials import check_project, is_open_to, page_of, whose
from iaas.api.identity.credentials.delegated import bound_by
from iaas.api.identity.listing import paged
from iaas.api.identity.rules import ADMIN_OR_SELF, CHANGE_CREDENTIAL, SEE_CREDENTIAL, SEE_OR_SELF
from iaas.api.route import Route, Rule
from iaas.api.schema import obj
from iaas.errors import NotFound
from iaas.identity.credentials.collection import ec2_blob, ec2_id
from iaas.identity.service import IdentityServices
from iaas.model.identity.credential import EC2, Credential

CREATE = obj({"tenant_id": ID_OR_NULL}, ("tenant_id",))


def show_pair(call: Call[Any], item: Credential) -> dict[str, Any]:
    content = ec2_blob(item.blob)
    path = f"/v3/users/{item.user_id}/credentials/OS-EC2/{content['access']}"
    return {
        "user_id": item.user_id,
        "tenant_id": item.project_id,
        "access": content["access"],
        "secret": content["secret"],
        "trust_id": content.get("trust_id"),
        "links": {"self": call.base_url + path},
    }


def list_pairs(call: Call[IdentityServices]) -> dict[str, Any]:
    user = call.services.users.get(call.path["user_id"])
    return paged(call, "credentials", partial(page_of, call, {"user_id": user.id, "type": EC2}), show_pair)


def get_pair(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"credential": show_pair(call, _theirs(call))}


def create_pair(call: Call[IdentityServices]) -> dict[str, Any]:
    """Without a project the user's own, the one of the same id, is meant at each use (A-094)."""
    user = call.services.users.get(call.path["user_id"])
    project_id = call.body["tenant_id"]
    bound = bound_by(call, project_id)
    check_project(call, project_id)
    blob = json.dumps({"access": secrets.token_hex(16), "secret": secrets.token_hex(32)})
    item = Credential(id="", user_id=user.id, project_id=project_id, type=EC2, blob=blob)
    return {"credential": show_pair(call, call.services.credentials.create(item, bound))}


def delete_pair(call: Call[IdentityServices]) -> None:
    item = _theirs(call)
    call.services.credentials.delete(item.id)


def _about(call: Call[IdentityServices]) -> dict[str, Any]:
    """Of a route's ``about``: the user of the path, whose the pair must be."""
    return whose(call.path["user_id"])


def _theirs(call: Call[IdentityServices]) -> Credential:
    """The pair of the path, if it is that user's. Raises NotFound."""
    access = call.path["access"]
    item = call.services.credentials.get(ec2_id(access))
    if item.user_id != call.path["user_id"] or item.type != EC2 or not is_open_to(call, item):
        raise NotFound.of("credential", access)
    return item


_ALL = "/v3/users/<user_id>/credentials/OS-EC2"
_ONE = f"{_ALL}/<access>"
_LIST = Rule("identity:ec2_list_credentials", SEE_OR_SELF)
_MAKE = Rule("identity:ec2_create_credential", ADMIN_OR_SELF)
_GET = Rule("identity:ec2_get_credential", SEE_CREDENTIAL)
_END = Rule("identity:ec2_delete_credential", CHANGE_CREDENTIAL)
_USER = ("user_id",)
ROUTES = (
    Route("GET", _ALL, list_pairs, policy=_LIST, target=_USER),
    Route("POST", _ALL, create_pair, policy=_MAKE, target=_USER, body=CREATE, status=201, guarded=True),
    Route("GET", _ONE, get_pair, policy=_GET, target=_USER, about=_about),
    Route("DELETE", _ONE, delete_pair, policy=_END, target=_USER, about=_about, status=204, guarded=True),
)
