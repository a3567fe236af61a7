"""POST /servers/{id}/action: pause, unpause, suspend, resume."""

from __future__ import annotations

from iaas.api.call import Call
from iaas.api.compute.actions.action import action
from iaas.compute import lifecycle
from iaas.compute.service import Compute


def pause(call: Call[Compute]) -> None:
    lifecycle.pause(call.services, call.context, call.path["id"])


def unpause(call: Call[Compute]) -> None:
    lifecycle.unpause(call.services, call.context, call.path["id"])


def suspend(call: Call[Compute]) -> None:
    lifecycle.suspend(call.services, call.context, call.path["id"])


def resume(call: Call[Compute]) -> None:
    lifecycle.resume(call.services, call.context, call.path["id"])


ROUTES = (
    action("pause", pause, "os-pause-server:pause"),
    action("unpause", unpause, "os-pause-server:unpause"),
    action("suspend", suspend, "os-suspend-server:suspend"),
    action("resume", resume, "os-suspend-server:resume"),
)
