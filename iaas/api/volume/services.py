"""os-services of the volume API: the volume daemons under their published name."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj
from iaas.api.volume import paths
from iaas.clock import iso8601_micro
from iaas.volume import daemons
from iaas.volume.daemons import THEIRS, Daemon
from iaas.volume.service import ZONE, VolumeServices

_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
NAMED = obj({"host": _NAME, "binary": _NAME}, ("host", "binary"))
REASONED = obj({"host": _NAME, "binary": _NAME, "disabled_reason": _NAME}, ("host", "binary", "disabled_reason"))


def list_services(call: Call[VolumeServices]) -> dict[str, Any]:
    found = daemons.all_of(call.services, call.query.get("binary"), call.query.get("host"))
    return {"services": [_shown(item) for item in found]}


def enable(call: Call[VolumeServices]) -> dict[str, Any]:
    return _changed(call, False)


def disable(call: Call[VolumeServices]) -> dict[str, Any]:
    return _changed(call, True)


def _changed(call: Call[VolumeServices], disabled: bool) -> dict[str, Any]:
    body = call.body
    reason = body.get("disabled_reason")
    daemons.disable(call.services, body["binary"], body["host"], disabled, reason)
    answer = {"host": body["host"], "service": body["binary"], "binary": body["binary"], "disabled": disabled,
              "status": "disabled" if disabled else "enabled"}  # fmt: skip
    return {**answer, "disabled_reason": reason} if reason else answer


def _shown(item: Daemon) -> dict[str, Any]:
    service = item.service
    return {
        "binary": THEIRS,
        "host": service.host,
        "zone": ZONE,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if item.up else "down",
        "updated_at": iso8601_micro(service.last_seen),
        "disabled_reason": service.disabled_reason,
    }


_UPDATE = Rule("volume_extension:services:update", ADMIN)
ROUTES = paths.all_of(
    Route("GET", "/os-services", list_services, policy=Rule("volume_extension:services:index", ADMIN)),
    Route("PUT", "/os-services/enable", enable, policy=_UPDATE, body=NAMED),
    Route("PUT", "/os-services/disable", disable, policy=_UPDATE, body=NAMED),
    Route("PUT", "/os-services/disable-log-reason", disable, policy=_UPDATE, body=REASONED),
)
