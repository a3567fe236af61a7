"""Services of the catalog."""

from __future__ import annotations

from functools import partial
from typing import Any

from iaas.api.call import Call
from iaas.api.identity.bodies import DESCRIPTION, ENABLED, LONG_NAME, entity, filters, values
from iaas.api.identity.listing import paged, shown
from iaas.api.identity.rules import SEE
from iaas.api.route import ADMIN, Route, Rule
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.catalog import Service

_NAME = {"type": ["string", "null"], "maxLength": 255}
_FIELDS = {"type": LONG_NAME, "name": _NAME, "description": DESCRIPTION, "enabled": ENABLED}
CREATE = entity("service", _FIELDS, ("type",))
UPDATE = entity("service", _FIELDS)


def show_service(call: Call[Any], service: Service) -> dict[str, Any]:
    optional = {"name": service.name, "description": service.description}
    given = {name: value for name, value in optional.items() if value is not None}
    return shown(call, "services", service, {"type": service.type, "enabled": service.enabled, **given})


def list_services(call: Call[IdentityServices]) -> dict[str, Any]:
    return paged(call, "services", partial(call.services.services.page, filters(call, "type", "name")), show_service)


def get_service(call: Call[IdentityServices]) -> dict[str, Any]:
    return {"service": show_service(call, call.services.services.get(call.path["service_id"]))}


def create_service(call: Call[IdentityServices]) -> dict[str, Any]:
    service = Service(id=new_hex(), **values(call.body["service"], _FIELDS))
    return {"service": show_service(call, call.services.services.create(service))}


def update_service(call: Call[IdentityServices]) -> dict[str, Any]:
    changes = values(call.body["service"], _FIELDS)
    return {"service": show_service(call, call.services.services.update(call.path["service_id"], changes))}


def delete_service(call: Call[IdentityServices]) -> None:
    """The service's endpoints go with it."""
    call.services.services.delete(call.path["service_id"])


_ALL, _ONE = "/v3/services", "/v3/services/<service_id>"
ROUTES = (
    Route("GET", _ALL, list_services, policy=Rule("identity:list_services", SEE)),
    Route("POST", _ALL, create_service, policy=Rule("identity:create_service", ADMIN), body=CREATE, status=201),
    Route("GET", _ONE, get_service, policy=Rule("identity:get_service", SEE)),
    Route("PATCH", _ONE, update_service, policy=Rule("identity:update_service", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_service, policy=Rule("identity:delete_service", ADMIN), status=204),
)
