"""POST /servers/{id}/action: shelve, shelveOffload, unshelve."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.actions.action import action
from iaas.api.route import ADMIN
from iaas.compute.actions import shelve as shelving
from iaas.compute.service import Compute
from iaas.errors import Invalid

ZONE = "2.77"


def shelve(call: Call[Compute]) -> None:
    shelving.shelve(call.services, call.context, call.path["id"])


def offload(call: Call[Compute]) -> None:
    shelving.offload(call.services, call.context, call.path["id"])


def unshelve(call: Call[Compute]) -> None:
    options: Any = call.body["unshelve"]
    zone = options.get("availability_zone") if isinstance(options, dict) else None
    if zone is not None and not call.at_least(ZONE):
        raise Invalid("Additional properties are not allowed ('availability_zone' was unexpected)", field="unshelve")
    if zone is None and isinstance(options, dict) and call.at_least(ZONE):
        raise Invalid("'availability_zone' is a required property", field="unshelve")
    shelving.unshelve(call.services, call.context, call.path["id"], zone)


_ZONE = {"type": "string", "minLength": 1, "maxLength": 255}
_UNSHELVE = {
    "type": ["null", "object", "string"],
    "properties": {"availability_zone": _ZONE},
    "additionalProperties": False,
    "maxLength": 0,
}
ROUTES = (
    action("shelve", shelve, "os-shelve:shelve"),
    action("shelveOffload", offload, "os-shelve:shelve_offload", check=ADMIN),
    action("unshelve", unshelve, "os-shelve:unshelve", _UNSHELVE),
)
