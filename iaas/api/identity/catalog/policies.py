"""/v3/policies: policy documents that are kept for other services, and OS-ENDPOINT-POLICY: where each applies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import LONG_NAME, entity, filters, values
from iaas.api.identity.endpoints import show_endpoint
from iaas.api.identity.listing import links, paged, shown
from iaas.api.identity.rules import SEE
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.identity.policy import Policy

_FIELDS = {"type": LONG_NAME, "blob": {"type": "string", "maxLength": 65536}}
CREATE = entity("policy", _FIELDS, ("type", "blob"))
UPDATE = entity("policy", _FIELDS)


def show_policy(call: Call[Any], item: Policy) -> dict[str, Any]:
    return shown(call, "policies", item, {"type": item.type, "blob": item.blob})


def list_policies(call: Call[IdentityServices]) -> dict[str, Any]:
    return paged(call, "policies", partial(call.services.policies.page, filters(call, "type")), show_policy)


def get_policy(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"policy": show_policy(call, call.services.policies.get(call.path["policy_id"]))}


def create_policy(call: Call[IdentityServices]) -> dict[str, Any]:
    item = Policy(id=new_hex(), **values(call.body["policy"], _FIELDS))
    return {"policy": show_policy(call, call.services.policies.create(item))}


def update_policy(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["policy"], _FIELDS)
    return {"policy": show_policy(call, call.services.policies.update(call.path["policy_id"], changes))}


def delete_policy(call: Call[IdentityServices]) -> None:
    call.services.policies.delete(call.path["policy_id"])


def list_endpoints(call: Call[IdentityServices]) -> dict[str, Any]:
    found = call.services.policies.endpoints_of(call.path["policy_id"])
    return {"endpoints": [show_endpoint(call, item) for item in found], "links": links(call)}


def get_effective(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"policy": show_policy(call, call.services.policies.of_endpoint(call.path["endpoint_id"]))}


def _associations(noun: str, where: str, *names: str) -> Iterator[Route]:
    """PUT, GET (and HEAD) and DELETE of one kind of place."""
    path = f"/v3/policies/<policy_id>/OS-ENDPOINT-POLICY/{where}"

    def acting(verb: str) -> Callable[[Call[IdentityServices]], None]:
        def act(call: Call[IdentityServices]) -> None:
            place = {name: call.path[name] for name in names}
            getattr(call.services.policies, verb)(call.path["policy_id"], **place)

        return act

    for method, verb, word, check in (
        ("PUT", "associate", "create", ADMIN), ("GET", "check", "check", SEE), ("DELETE", "dissociate", "delete", ADMIN)
    ):  # fmt: skip
        rule = Rule(f"identity:{word}_policy_association_for_{noun}", check)
        yield Route(method, path, acting(verb), policy=rule, status=204)


_ALL, _ONE = "/v3/policies", "/v3/policies/<policy_id>"
_EFFECTIVE = "/v3/endpoints/<endpoint_id>/OS-ENDPOINT-POLICY/policy"
_LISTED = Rule("identity:list_endpoints_for_policy", SEE)
_SERVICE = "services/<service_id>"
ROUTES = (
    Route("GET", _ALL, list_policies, policy=Rule("identity:list_policies", SEE)),
    Route("POST", _ALL, create_policy, policy=Rule("identity:create_policy", ADMIN), body=CREATE, status=201),
    Route("GET", _ONE, get_policy, policy=Rule("identity:get_policy", SEE)),
    Route("PATCH", _ONE, update_policy, policy=Rule("identity:update_policy", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_policy, policy=Rule("identity:delete_policy", ADMIN), status=204),
    Route("GET", f"{_ONE}/OS-ENDPOINT-POLICY/endpoints", list_endpoints, policy=_LISTED),
    Route("GET", _EFFECTIVE, get_effective, policy=Rule("identity:get_policy_for_endpoint", SEE)),
    *_associations("endpoint", "endpoints/<endpoint_id>", "endpoint_id"),
    *_associations("service", _SERVICE, "service_id"),
    *_associations("region_and_service", f"{_SERVICE}/regions/<region_id>", "service_id", "region_id"),
)
