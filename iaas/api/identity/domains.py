"""Domains: the namespaces of users, groups and projects."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ENABLED, IMMUTABLE, NAME, TAGS, entity, filters, tagged, values
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import LIST_IN_DOMAIN, SEE_OR_IN_DOMAIN
from iaas.api.identity.targets import named
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.project import Domain

_CHOSEN = {"type": ["string", "null"], "pattern": "^[0-9a-f]{32}$"}
_FIELDS = {"name": NAME, "description": DESCRIPTION, "enabled": ENABLED, "tags": TAGS}
CREATE = entity("domain", {**_FIELDS, "explicit_domain_id": _CHOSEN}, ("name",), IMMUTABLE)
UPDATE = entity("domain", _FIELDS, options=IMMUTABLE)


def show_domain(call: Call[Any], domain: Domain) -> dict[str, Any]:
    fields = {"name": domain.name, "description": domain.description, "enabled": domain.enabled}
    return shown(call, "domains", domain, {**fields, "tags": list(domain.tags), "options": domain.options})


def list_domains(call: Call[IdentityServices]) -> dict[str, Any]:
    """With the token of one domain, that one."""
    own = {"id": call.context.domain_id} if call.context.domain_id else {}
    equals = filters(call, "name", flags=("enabled",)) | own
    return paged(call, "domains", partial(call.services.domains.page, equals), show_domain)


def get_domain(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"domain": show_domain(call, call.services.domains.get(call.path["domain_id"]))}


def create_domain(call: Call[IdentityServices]) -> dict[str, Any]:
    """``explicit_domain_id``: for clouds that share domains and have identity services of their own."""
    body = call.body["domain"]
    domain = Domain(id=body.get("explicit_domain_id") or new_hex(), **tagged(values(body, _FIELDS)))
    return {"domain": show_domain(call, call.services.domains.create(domain))}


def update_domain(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = tagged(values(call.body["domain"], _FIELDS))
    return {"domain": show_domain(call, call.services.domains.update(call.path["domain_id"], changes))}


def delete_domain(call: Call[IdentityServices]) -> None:
    call.services.domains.delete(call.path["domain_id"])


_ONE = "/v3/domains/<domain_id>"
_GET = Rule("identity:get_domain", SEE_OR_IN_DOMAIN)
ROUTES = (
    Route("GET", "/v3/domains", list_domains, policy=Rule("identity:list_domains", LIST_IN_DOMAIN), about=named),
    Route("POST", "/v3/domains", create_domain, policy=Rule("identity:create_domain", ADMIN), body=CREATE, status=201),
    Route("GET", _ONE, get_domain, policy=_GET, target=("domain_id",)),
    Route("PATCH", _ONE, update_domain, policy=Rule("identity:update_domain", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_domain, policy=Rule("identity:delete_domain", ADMIN), status=204),
)
