"""os-services of the volume API: the daemons under their published names, and taking hosts out of service."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj
from iaas.api.volume import paths
from iaas.clock import iso8601_micro
from iaas.volume import daemons
from iaas.volume.daemons import Daemon
from iaas.volume.service import ZONE, VolumeServices

_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
_NAMED = {"host": _NAME, "binary": _NAME, "service": _NAME}  # ``service``: the former name of ``binary``
NAMED = obj(_NAMED, ("host",))
REASONED = obj({**_NAMED, "disabled_reason": _NAME}, ("host", "disabled_reason"))


def list_services(call: Call[VolumeServices]) -> dict[str, Any]:
    found = daemons.all_of(call.services, call.query.get("binary"), call.query.get("host"))
    return {"services": [_shown(call, item) for item in found]}


def enable(call: Call[VolumeServices]) -> dict[str, Any]:
    return _changed(call, disabled=False)


def disable(call: Call[VolumeServices]) -> dict[str, Any]:
    return _changed(call, disabled=True)


def _changed(call: Call[VolumeServices], disabled: bool) -> dict[str, Any]:
    body = call.body
    binary, reason = body.get("binary") or body.get("service") or "cinder-volume", body.get("disabled_reason")
    daemons.disable(call.services, binary, body["host"], disabled, reason)
    answer = {"host": body["host"], "service": binary, "binary": binary, "disabled": disabled,
              "status": "disabled" if disabled else "enabled"}  # fmt: skip
    return {**answer, "disabled_reason": reason} if reason else answer


def _shown(call: Call[VolumeServices], item: Daemon) -> dict[str, Any]:
    service = item.service
    shown = {
        "binary": item.binary,
        "host": service.host,
        "zone": ZONE,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if item.up else "down",
        "updated_at": iso8601_micro(service.last_seen),
        "disabled_reason": service.disabled_reason,
    }
    return {**shown, "cluster": None} if call.at_least("3.7") else shown


_UPDATE = Rule("volume_extension:services:update", ADMIN)
ROUTES = paths.both(
    Route("GET", "/os-services", list_services, policy=Rule("volume_extension:services:index", ADMIN)),
    Route("PUT", "/os-services/enable", enable, policy=_UPDATE, body=NAMED),
    Route("PUT", "/os-services/disable", disable, policy=_UPDATE, body=NAMED),
    Route("PUT", "/os-services/disable-log-reason", disable, policy=_UPDATE, body=REASONED),
)
