"""/v3/credentials: secrets that users keep here, of any type. Somebody else's look like none at all (S-038)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import ID, ID_OR_NULL, LONG_NAME, entity, filters, values
from iaas.api.identity.credentials.delegated import bound_by
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import CHANGE_CREDENTIAL, SEE_CREDENTIAL
from iaas.api.route import Route, Rule
from iaas.errors import Forbidden, Invalid, NotFound
from iaas.identity.credentials.collection import MOST, ec2_blob
from iaas.identity.service import IdentityServices
from iaas.model.identity.credential import EC2, Credential

_BLOB = {"type": "string", "maxLength": 65536}
_FIELDS = {"user_id": ID, "project_id": ID_OR_NULL, "type": LONG_NAME, "blob": _BLOB}
CREATE = entity("credential", _FIELDS, ("user_id", "type", "blob"))
UPDATE = entity("credential", _FIELDS)

LIST = Rule("identity:list_credentials", SEE_CREDENTIAL)
GET = Rule("identity:get_credential", SEE_CREDENTIAL)
MAKE = Rule("identity:create_credential", CHANGE_CREDENTIAL)
CHANGE = Rule("identity:update_credential", CHANGE_CREDENTIAL)
END = Rule("identity:delete_credential", CHANGE_CREDENTIAL)


def whose(user_id: str | None) -> dict[str, Any]:
    """What the rules compare of a credential."""
    return {"target.credential.user_id": user_id}


SOMEBODY = whose("-")  # no user's id: who may do it to this one may do it to everybody's


def page_of(call: Call[IdentityServices], equals: Mapping[str, Any], marker: str | None, most: int) -> list[Credential]:
    """What fits these filters and the token may see, after the marker."""
    if _sees_all_of_its_user(call):
        return call.services.credentials.page(equals, marker, most)
    found = call.services.credentials.page(equals, marker, MOST)
    return [item for item in found if is_open_to(call, item)][:most]


def is_open_to(call: Call[IdentityServices], item: Credential) -> bool:
    """A delegated token sees what was made with it, and no other secret of its user: that could do more than it
    (S-036, S-037). The rules say whose credentials one may see at all."""
    if _sees_all_of_its_user(call):
        return True
    bound = ec2_blob(item.blob).get("app_cred_id") if item.type.lower() == EC2 else None
    return bound is not None and bound == call.context.application_credential_id


def _sees_all_of_its_user(call: Call[IdentityServices]) -> bool:
    caller = call.context
    delegated = caller.restricted or caller.trust_id or caller.application_credential_id
    return not delegated or call.allows(GET.name, SOMEBODY)


def show_credential(call: Call[Any], item: Credential) -> dict[str, Any]:
    fields = {"user_id": item.user_id, "project_id": item.project_id, "type": item.type, "blob": item.blob}
    return shown(call, "credentials", item, fields)


def list_credentials(call: Call[IdentityServices]) -> dict[str, Any]:
    """Who may not see everybody's sees the own ones, whatever the filter says."""
    equals = filters(call, "user_id", "type")
    if not call.allows(GET.name, SOMEBODY):
        own = call.context.user_id
        if equals.setdefault("user_id", own) != own:
            equals["id"] = ()
    return paged(call, "credentials", partial(page_of, call, equals), show_credential)


def get_credential(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"credential": show_credential(call, call.services.credentials.get(call.path["credential_id"]))}


def create_credential(call: Call[IdentityServices]) -> dict[str, Any]:
    given = values(call.body["credential"], _FIELDS)
    if given["type"].lower() == EC2 and not given.get("project_id"):
        raise Invalid("Expecting to find project_id in credential.", field="project_id")
    check_project(call, given.get("project_id"))
    item = Credential(id="", **{"project_id": None, **given})
    made = call.services.credentials.create(item, bound_by(call, item.project_id))
    return {"credential": show_credential(call, made)}


def update_credential(call: Call[IdentityServices]) -> dict[str, Any]:
    """Its owner may change what it says; only an administrator, whose and for which project it is."""
    item = call.services.credentials.get(call.path["credential_id"])
    changes = values(call.body["credential"], _FIELDS)
    moved = [
        name for name in ("user_id", "project_id") if changes.get(name, getattr(item, name)) != getattr(item, name)
    ]
    if moved and not call.allows(CHANGE.name, SOMEBODY):
        raise Forbidden(f"Update of `{moved[0]}` is not allowed.")
    return {"credential": show_credential(call, call.services.credentials.update(item.id, changes))}


def delete_credential(call: Call[IdentityServices]) -> None:
    call.services.credentials.delete(call.path["credential_id"])


def _about(call: Call[IdentityServices]) -> dict[str, Any]:
    """Of a route's ``about``: whose credential it is. Raises NotFound, for somebody else's as for none; that one stays
    sealed, so its refusal takes no longer (S-053)."""
    id = call.path["credential_id"]
    target = whose(call.services.credentials.owner_of(id))
    if not call.allows(GET.name, target):
        raise NotFound.of("credential", id)
    if not _sees_all_of_its_user(call) and not is_open_to(call, call.services.credentials.get(id)):
        raise NotFound.of("credential", id)
    return target


def _wanted(call: Call[IdentityServices]) -> dict[str, Any]:
    return whose(call.body["credential"]["user_id"])


def _own(call: Call[IdentityServices]) -> dict[str, Any]:
    return whose(call.context.user_id)


def check_project(call: Call[IdentityServices], project_id: str | None) -> None:
    """Who is no administrator names a project of its own. Raises NotFound: others' look like none."""
    caller = call.context
    if project_id in (None, caller.project_id) or call.allows(MAKE.name, SOMEBODY):
        return
    if not call.services.projects.of_user(caller.user_id or "", {"id": project_id}, limit=1):
        raise NotFound.of("project", project_id or "")


_ALL, _ONE = "/v3/credentials", "/v3/credentials/<credential_id>"
ROUTES = (
    Route("GET", _ALL, list_credentials, policy=LIST, about=_own),
    Route("POST", _ALL, create_credential, policy=MAKE, about=_wanted, body=CREATE, status=201, guarded=True),
    Route("GET", _ONE, get_credential, policy=GET, about=_about),
    Route("PATCH", _ONE, update_credential, policy=CHANGE, about=_about, body=UPDATE, guarded=True),
    Route("DELETE", _ONE, delete_credential, policy=END, about=_about, status=204, guarded=True),
)
