"""POST /volumes/{id}/action: the few actions that there are, and plain words for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, MEMBER, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool, obj
from iaas.api.volume import paths
from iaas.api.volume.volume_body import MAX_SIZE_GB
from iaas.errors import Unsupported
from iaas.model.volume import State
from iaas.volume import lifecycle, volumes
from iaas.volume.service import VolumeServices

_STATES = (State.AVAILABLE, State.ERROR, State.ERROR_DELETING)
_STATUS = obj({"status": {"type": "string", "enum": [state.value for state in _STATES]}}, ("status",))
# action -> the policy rule under which it is published; those that move a volume between hosts are the administrator's
_LATER = {
    "os-attach": "volume_extension:volume_actions:attach",
    "os-detach": "volume_extension:volume_actions:detach",
    "os-reserve": "volume_extension:volume_actions:reserve",
    "os-unreserve": "volume_extension:volume_actions:unreserve",
    "os-initialize_connection": "volume_extension:volume_actions:initialize_connection",
    "os-terminate_connection": "volume_extension:volume_actions:terminate_connection",
    "os-volume_upload_image": "volume_extension:volume_actions:upload_image",
    "os-retype": "volume:retype",
    "os-update_readonly_flag": "volume:update_readonly_flag",
    "os-set_image_metadata": "volume_extension:volume_image_metadata:set",
    "os-unset_image_metadata": "volume_extension:volume_image_metadata:remove",
}
_LATER_ADMIN = {
    "os-migrate_volume": "volume_extension:volume_admin_actions:migrate_volume",
    "os-unmanage": "volume_extension:volume_unmanage",
}


def reset_status(call: Call[VolumeServices]) -> None:
    state = State(call.body["os-reset_status"]["status"])
    lifecycle.reset_state(call.services, call.context, call.path["id"], state)


def force_delete(call: Call[VolumeServices]) -> None:
    lifecycle.delete(call.services, call.context, call.path["id"], force=True)


def extend(call: Call[VolumeServices]) -> None:
    lifecycle.extend(call.services, call.context, call.path["id"], int(call.body["os-extend"]["new_size"]))


def set_bootable(call: Call[VolumeServices]) -> None:
    bootable = as_bool(call.body["os-set_bootable"]["bootable"])
    volumes.update(call.services, call.context, call.path["id"], {"bootable": bootable})


def not_yet(call: Call[VolumeServices]) -> None:
    volumes.show(call.services, call.context, call.path["id"])
    raise Unsupported(f"The action {next(iter(call.body))} is not supported yet.")


def _route(name: str, handler: Callable[[Call[Any]], Any], rule: Rule, value: Any, status: int = 202) -> Route:
    body = obj({name: value}, (name,))
    return Route("POST", "/volumes/<id>/action", handler, policy=rule, body=body, status=status, action=name)


_ADMIN = "volume_extension:volume_admin_actions:"
_SIZE = {"type": ["integer", "string"], "pattern": "^[0-9]{1,9}$", "minimum": 1, "maximum": MAX_SIZE_GB}
_EXTEND = obj({"new_size": _SIZE}, ("new_size",))
_BOOTABLE = obj({"bootable": BOOLEAN}, ("bootable",))
ROUTES = paths.both(
    _route("os-reset_status", reset_status, Rule(_ADMIN + "reset_status", ADMIN), _STATUS),
    _route("os-force_delete", force_delete, Rule(_ADMIN + "force_delete", ADMIN), {}),
    _route("os-set_bootable", set_bootable, Rule("volume_extension:volume_actions:set_bootable", MEMBER), _BOOTABLE,
           status=200),
    _route("os-extend", extend, Rule("volume:extend", MEMBER), _EXTEND),
    *(_route(name, not_yet, Rule(rule, MEMBER), {}) for name, rule in _LATER.items()),
    *(_route(name, not_yet, Rule(rule, ADMIN), {}) for name, rule in _LATER_ADMIN.items()),
)  # fmt: skip
