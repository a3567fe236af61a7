"""POST /servers/{id}/action: rescue, unrescue."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.compute.actions.action import action, image_ref
from iaas.compute.actions import rescue as rescuing
from iaas.compute.service import Compute


def rescue(call: Call[Compute]) -> dict[str, Any]:
    """No password in the answer: none could be put into the guest."""
    options = call.body["rescue"] or {}
    wanted = options.get("rescue_image_ref")
    image = image_ref(wanted, "rescue_image_ref") if wanted else None
    zero_disk = call.allows(rules.ZERO_DISK.name)
    rescuing.rescue(call.services, call.context, call.path["id"], image, zero_disk)
    return {}


def unrescue(call: Call[Compute]) -> None:
    rescuing.unrescue(call.services, call.context, call.path["id"])


_IMAGE = {"type": "string", "minLength": 1, "maxLength": 512}
_BODY = {"type": ["null", "object"], "properties": {"rescue_image_ref": _IMAGE}, "additionalProperties": False}
ROUTES = (
    action("rescue", rescue, "os-rescue", _BODY, status=200),
    action("unrescue", unrescue, "os-unrescue"),
)
