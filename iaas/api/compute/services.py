"""os-services: the platform's daemons under the names that existing tools look for, and taking hosts out of service."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool, obj
from iaas.clock import iso8601_micro
from iaas.compute import daemons
from iaas.compute.daemons import Daemon
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound
from iaas.ids import is_uuid

UUIDS = "2.53"
_HOST = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]+$"}
_REASON = {"type": "string", "minLength": 1, "maxLength": 255}
_BINARY = {"type": "string", "minLength": 1, "maxLength": 255}
UPDATE = obj({"status": {"type": "string", "enum": ["enabled", "disabled"]}, "disabled_reason": _REASON,
              "forced_down": BOOLEAN})  # fmt: skip
NAMED = obj({"host": _HOST, "binary": _BINARY}, ("host", "binary"))
REASONED = obj({"host": _HOST, "binary": _BINARY, "disabled_reason": _REASON}, ("host", "binary", "disabled_reason"))
FORCED = obj({"host": _HOST, "binary": _BINARY, "forced_down": BOOLEAN}, ("host", "binary"))


def list_services(call: Call[Compute]) -> dict[str, Any]:
    found = daemons.all_of(call.services, call.query.get("binary"), call.query.get("host"))
    return {"services": [_full(call, item) for item in found]}


def update_service(call: Call[Compute]) -> dict[str, Any]:
    """Since 2.53: by id, and only compute daemons."""
    _, body = _checked(call), call.body
    values: dict[str, Any] = {}
    if "disabled_reason" in body and body.get("status") != "disabled":
        raise Invalid("Specifying disabled_reason requires that status is 'disabled'.", field="disabled_reason")
    if "status" in body:
        values = {"disabled": body["status"] == "disabled", "disabled_reason": body.get("disabled_reason")}
    if "forced_down" in body:
        values["forced_down"] = as_bool(body["forced_down"])
    if not values:
        raise Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
    return {"service": _full(call, daemons.change(call.services, call.path["id"], values))}


def _checked(call: Call[Compute]) -> Daemon:
    if not is_uuid(call.path["id"]):
        raise Invalid(f"Invalid uuid {call.path['id'][:64]}", field="id")
    for item in daemons.all_of(call.services):
        if item.service.id == call.path["id"]:
            if item.service.binary != daemons.COMPUTE:
                raise Invalid(f"Updating a {daemons.published(item.service.binary)} service is not supported.")
            return item
    raise NotFound(f"Service {call.path['id']} could not be found.")


def delete_service(call: Call[Compute]) -> None:
    wanted = call.path["id"]
    for item in daemons.all_of(call.services):
        if str(_id(call, item)) == wanted:
            daemons.remove(call.services, item.service.id)
            return
    raise NotFound(f"Service {wanted} could not be found.")


def _named(call: Call[Compute], values: dict[str, Any]) -> dict[str, Any]:
    """Until 2.52: a daemon by host and binary."""
    item = daemons.find(call.services, call.body["binary"], call.body["host"])
    daemons.change(call.services, item.id, values)
    return {"host": call.body["host"], "binary": call.body["binary"]}


def enable(call: Call[Compute]) -> dict[str, Any]:
    return {"service": {**_named(call, {"disabled": False, "disabled_reason": None}), "status": "enabled"}}


def disable(call: Call[Compute]) -> dict[str, Any]:
    return {"service": {**_named(call, {"disabled": True, "disabled_reason": None}), "status": "disabled"}}


def disable_with_reason(call: Call[Compute]) -> dict[str, Any]:
    reason = call.body["disabled_reason"]
    named = _named(call, {"disabled": True, "disabled_reason": reason})
    return {"service": {**named, "disabled_reason": reason, "status": "disabled"}}


def force_down(call: Call[Compute]) -> dict[str, Any]:
    forced = as_bool(call.body.get("forced_down", False))
    return {"service": {**_named(call, {"forced_down": forced}), "forced_down": forced}}


def _id(call: Call[Compute], item: Daemon) -> str | int:
    """Numbers until 2.52; made from the uuid, so that they stay the same."""
    return item.service.id if call.at_least(UUIDS) else int(item.service.id[:7], 16)


def _full(call: Call[Compute], item: Daemon) -> dict[str, Any]:
    service = item.service
    shown = {
        "id": _id(call, item),
        "binary": daemons.published(service.binary),
        "host": service.host,
        "zone": item.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if item.up else "down",
        "updated_at": iso8601_micro(service.last_seen),
        "disabled_reason": service.disabled_reason,
    }
    if call.at_least("2.11"):
        shown["forced_down"] = service.forced_down
    return shown


_PATH = "/v2.1/os-services"
_UPDATE = Rule("os_compute_api:os-services:update", ADMIN)
ROUTES = (
    Route("GET", _PATH, list_services, policy=Rule("os_compute_api:os-services:list", ADMIN)),
    Route("PUT", _PATH + "/<id>", update_service, policy=_UPDATE, body=UPDATE, since=UUIDS),
    Route(
        "DELETE", _PATH + "/<id>", delete_service, policy=Rule("os_compute_api:os-services:delete", ADMIN), status=204
    ),
    Route("PUT", _PATH + "/enable", enable, policy=_UPDATE, body=NAMED, until="2.52"),
    Route("PUT", _PATH + "/disable", disable, policy=_UPDATE, body=NAMED, until="2.52"),
    Route("PUT", _PATH + "/disable-log-reason", disable_with_reason, policy=_UPDATE, body=REASONED, until="2.52"),
    Route("PUT", _PATH + "/force-down", force_down, policy=_UPDATE, body=FORCED, since="2.11", until="2.52"),
)
