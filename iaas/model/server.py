"""A server (the compute API's word for a virtual machine) and its states as one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.model.flavor import Flavor
from iaas.model.machine import OnFailure, Overrides, machine
from iaas.model.order import Power


class State(StrEnum):
    """OS-EXT-STS:vm_state."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    ERROR = "error"
    DELETED = "deleted"


class Task(StrEnum):
    """OS-EXT-STS:task_state: what is under way, always with a live operation behind it (I-12)."""

    SCHEDULING = "scheduling"
    SPAWNING = "spawning"
    POWERING_OFF = "powering-off"
    POWERING_ON = "powering-on"
    REBOOTING = "rebooting"
    REBOOTING_HARD = "rebooting_hard"
    DELETING = "deleting"


SERVER = machine(
    "server",
    State,
    Task,
    #  event         from                                   while                to
    ("schedule", {State.BUILDING}, Task.SCHEDULING, State.BUILDING, OnFailure(State.ERROR)),
    ("spawn", {State.BUILDING}, Task.SPAWNING, State.ACTIVE, OnFailure(State.ERROR)),
    ("stop", {State.ACTIVE}, Task.POWERING_OFF, State.STOPPED),
    ("start", {State.STOPPED}, Task.POWERING_ON, State.ACTIVE),
    ("reboot", {State.ACTIVE}, Task.REBOOTING, State.ACTIVE),
    (  # the way out when a guest does not obey a soft reboot
        "reboot_hard",
        {State.ACTIVE, State.STOPPED, State.ERROR},
        Task.REBOOTING_HARD,
        State.ACTIVE,
        Overrides((Task.REBOOTING,)),
    ),
    ("delete", set(State) - {State.DELETED}, Task.DELETING, State.DELETED, Overrides()),
)

_STATUS = {
    State.BUILDING: "BUILD",
    State.ACTIVE: "ACTIVE",
    State.STOPPED: "SHUTOFF",
    State.ERROR: "ERROR",
    State.DELETED: "DELETED",
}


def status_of(state: State, task: Task | None) -> str:
    """The compute API's ``status``: the state, but for the two tasks that show through it."""
    if state is State.ACTIVE and task is Task.REBOOTING:
        return "REBOOT"
    if task is Task.REBOOTING_HARD and state is not State.ERROR:
        return "HARD_REBOOT"
    return _STATUS[state]


def states_of(status: str) -> list[tuple[State, Task | None]] | None:
    """The (state, task) pairs that a status filter stands for: task None is any task; None: no such status."""
    wanted = status.upper()
    if wanted == "REBOOT":
        return [(State.ACTIVE, Task.REBOOTING)]
    if wanted == "HARD_REBOOT":
        return [(State.ACTIVE, Task.REBOOTING_HARD), (State.STOPPED, Task.REBOOTING_HARD)]
    found: list[tuple[State, Task | None]] = [(state, None) for state, word in _STATUS.items() if word == wanted]
    return found or None


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server. ``flavor`` is the flavor as it was at creation; ``fence`` rises with every operation."""

    id: str
    project_id: str
    user_id: str
    name: str
    description: str | None
    hostname: str
    state: State
    task: Task | None
    power: Power
    host: str | None
    node: str | None
    fence: int
    version: int
    image_id: str | None
    flavor: Flavor
    key_name: str | None
    key_data: str | None
    user_data: str | None
    metadata: dict[str, str]
    availability_zone: str | None
    config_drive: bool
    locked: bool
    locked_reason: str | None
    reservation_id: str
    launch_index: int
    fault: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    launched_at: datetime | None
    terminated_at: datetime | None
    deleted_at: datetime | None
    locked_by: str | None = None  # "owner" or "admin"

    @property
    def status(self) -> str:
        return status_of(self.state, self.task)
