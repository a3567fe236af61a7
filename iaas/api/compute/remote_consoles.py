"""/servers/{id}/remote-consoles, and the actions that were its form before: the screen of a server, in a browser."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.actions.action import action
from iaas.api.route import MEMBER, Route, Rule
from iaas.api.schema import wrapped
from iaas.compute import remote_console
from iaas.compute.service import Compute
from iaas.errors import Invalid

SINCE, UNTIL = "2.6", "2.5"
_PROTOCOLS = ["vnc", "spice", "rdp", "serial", "mks"]
_TYPES = ["novnc", "spice-html5", "rdp-html5", "serial", "webmks"]


def create(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["remote_console"]
    shown = {"protocol": body["protocol"], "type": body["type"], "url": _url(call, body["protocol"], body["type"])}
    return {"remote_console": shown}


def vnc(call: Call[Compute]) -> dict[str, Any]:
    return _old(call, "vnc")


def spice(call: Call[Compute]) -> dict[str, Any]:
    return _old(call, "spice")


def serial(call: Call[Compute]) -> dict[str, Any]:
    return _old(call, "serial")


def _old(call: Call[Compute], protocol: str) -> dict[str, Any]:
    (options,) = call.body.values()
    return {"console": {"type": options["type"], "url": _url(call, protocol, options["type"])}}


def _url(call: Call[Compute], protocol: str, kind: str) -> str:
    """Guests have a screen that speaks VNC, and nothing else to connect to."""
    url = remote_console.url(call.services, call.context, call.path["id"], protocol == "vnc" and kind == "novnc")
    if url is None:
        raise Invalid(f"Unavailable console type {kind}.", field="type")
    return url


def _type(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"type": {"type": "string", "enum": list(names)}}, "required": ["type"],
            "additionalProperties": False}  # fmt: skip


_BODY = wrapped(
    "remote_console",
    {"protocol": {"type": "string", "enum": _PROTOCOLS}, "type": {"type": "string", "enum": _TYPES}},
    ("protocol", "type"),
)
_RULE = "os-remote-consoles"
ROUTES = (
    Route("POST", "/v2.1/servers/<id>/remote-consoles", create, policy=Rule(f"os_compute_api:{_RULE}", MEMBER),
          body=_BODY, since=SINCE),
    action("os-getVNCConsole", vnc, _RULE, _type("novnc", "xvpvnc"), status=200, until=UNTIL),
    action("os-getSPICEConsole", spice, _RULE, _type("spice-html5"), status=200, until=UNTIL),
    action("os-getSerialConsole", serial, _RULE, _type("serial"), status=200, until=UNTIL),
)  # fmt: skip
