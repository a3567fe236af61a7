"""POST /servers/{id}/action: power, locks, console; and by name what is not offered (501 instead of a riddle)."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.compute.actions.action import action
from iaas.api.route import ADMIN
from iaas.api.schema import obj
from iaas.compute import console, lifecycle, servers
from iaas.compute.service import Compute
from iaas.errors import Invalid, Unsupported
from iaas.model.server import State


def stop(call: Call[Compute]) -> None:
    lifecycle.stop(call.services, call.context, call.path["id"])


def start(call: Call[Compute]) -> None:
    lifecycle.start(call.services, call.context, call.path["id"])


def reboot(call: Call[Compute]) -> None:
    lifecycle.reboot(call.services, call.context, call.path["id"], call.body["reboot"]["type"].upper())


def force_delete(call: Call[Compute]) -> None:
    lifecycle.delete(call.services, call.context, call.path["id"])


def lock(call: Call[Compute]) -> None:
    options = call.body["lock"]
    reason = options.get("locked_reason") if isinstance(options, dict) else None
    if reason is not None and not call.at_least("2.73"):
        raise Invalid("Additional properties are not allowed ('locked_reason' was unexpected)", field="lock")
    lifecycle.lock(call.services, call.context, call.path["id"], reason)


def unlock(call: Call[Compute]) -> None:
    override = call.allows(rules.UNLOCK_OVERRIDE.name)
    lifecycle.unlock(call.services, call.context, call.path["id"], override)


def reset_state(call: Call[Compute]) -> None:
    state = State(call.body["os-resetState"]["state"])
    lifecycle.reset_state(call.services, call.context, call.path["id"], state)


def console_output(call: Call[Compute]) -> dict[str, Any]:
    options = call.body["os-getConsoleOutput"] or {}
    length = options.get("length")
    lines = None if length is None or int(length) == -1 else int(length)
    return {"output": console.output(call.services, call.context, call.path["id"], lines)}


def unsupported(call: Call[Compute]) -> None:
    with call.services.database.read() as tx:
        servers.get(tx, call.context, call.path["id"])
    raise Unsupported(f"The action '{next(iter(call.body))}' is not supported.")


_REBOOT = obj({"type": {"type": "string", "enum": ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]}}, ("type",))
_REASON = {"type": "string", "minLength": 1, "maxLength": 255}
_LOCK = {"type": ["null", "object"], "properties": {"locked_reason": _REASON}, "additionalProperties": False}
_LENGTH = {"type": ["null", "integer", "string"], "pattern": "^-?[0-9]{1,9}$", "minimum": -1}
_CONSOLE = {"type": ["null", "object"], "properties": {"length": _LENGTH}, "additionalProperties": False}
_RESET = obj({"state": {"type": "string", "enum": ["active", "error"]}}, ("state",))
_ANYTHING: dict[str, Any] = {}

# action -> policy rule; published, and not offered in this release
_LATER = {
    "changePassword": "os-admin-password", "restore": "os-deferred-delete:restore",
    "addFloatingIp": "os-floating-ips:add", "removeFloatingIp": "os-floating-ips:remove",
    "addFixedIp": "os-multinic:add", "removeFixedIp": "os-multinic:remove",
    "trigger_crash_dump": "servers:trigger_crash_dump",
}  # fmt: skip
_LATER_ADMIN = {
    "injectNetworkInfo": "os-admin-actions:inject_network_info",
}  # fmt: skip

ROUTES = (
    action("os-start", start, "servers:start"),
    action("os-stop", stop, "servers:stop"),
    action("reboot", reboot, "servers:reboot", _REBOOT),
    action("forceDelete", force_delete, "os-deferred-delete:force"),
    action("lock", lock, "os-lock-server:lock", _LOCK),
    action("unlock", unlock, "os-lock-server:unlock"),
    action("os-resetState", reset_state, "os-admin-actions:reset_state", _RESET, check=ADMIN),
    action("os-getConsoleOutput", console_output, "os-console-output", _CONSOLE, status=200),
    *(action(name, unsupported, rule, _ANYTHING) for name, rule in _LATER.items()),
    *(action(name, unsupported, rule, _ANYTHING, check=ADMIN) for name, rule in _LATER_ADMIN.items()),
)
