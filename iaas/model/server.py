"""A server (the compute API's word for a virtual machine) and its states as one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.model.flavor import Flavor
from iaas.model.machine import SAME, OnFailure, Overrides, machine
from iaas.model.order import Power


class State(StrEnum):
    """OS-EXT-STS:vm_state."""

    BUILDING = "building"
    ACTIVE = "active"
    STOPPED = "stopped"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    RESCUED = "rescued"
    RESIZED = "resized"  # on its new host or flavor; the old one waits for confirm or revert
    SHELVED = "shelved"
    SHELVED_OFFLOADED = "shelved_offloaded"
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
    PAUSING = "pausing"
    UNPAUSING = "unpausing"
    SUSPENDING = "suspending"
    RESUMING = "resuming"
    RESCUING = "rescuing"
    UNRESCUING = "unrescuing"
    REBUILDING = "rebuilding"
    IMAGE_SNAPSHOT = "image_snapshot"
    SHELVING = "shelving"
    SHELVING_OFFLOADING = "shelving_offloading"
    UNSHELVING = "unshelving"
    RESIZE_PREP = "resize_prep"
    RESIZE_CONFIRMING = "resize_confirming"
    RESIZE_REVERTING = "resize_reverting"
    MIGRATING = "migrating"
    EVACUATING = "evacuating"
    ATTACHING_VOLUME = "attaching_volume"
    DETACHING_VOLUME = "detaching_volume"
    DELETING = "deleting"


_WITH_DISK = {State.ACTIVE, State.STOPPED, State.PAUSED, State.SUSPENDED}
# Where a user may ask to attach or detach a volume
ATTACHABLE = frozenset(
    {State.ACTIVE, State.STOPPED, State.PAUSED, State.RESIZED, State.SHELVED, State.SHELVED_OFFLOADED}
)
# Not shown to users, and no reason to refuse them anything: what else is asked for takes over, and these go on later
YIELDING = frozenset({Task.ATTACHING_VOLUME, Task.DETACHING_VOLUME})

SERVER = machine(
    "server",
    State,
    Task,
    #  event         from                                   while                to
    ("schedule", {State.BUILDING}, Task.SCHEDULING, State.BUILDING, OnFailure(State.ERROR)),
    ("spawn", {State.BUILDING}, Task.SPAWNING, State.ACTIVE, OnFailure(State.ERROR)),
    ("stop", {State.ACTIVE, State.ERROR}, Task.POWERING_OFF, State.STOPPED),
    ("start", {State.STOPPED}, Task.POWERING_ON, State.ACTIVE),
    ("reboot", {State.ACTIVE}, Task.REBOOTING, State.ACTIVE),
    (  # the way out when a guest does not obey a soft reboot
        "reboot_hard",
        _WITH_DISK | {State.ERROR},
        Task.REBOOTING_HARD,
        State.ACTIVE,
        Overrides((Task.REBOOTING,)),
    ),
    ("pause", {State.ACTIVE}, Task.PAUSING, State.PAUSED),
    ("unpause", {State.PAUSED}, Task.UNPAUSING, State.ACTIVE),
    ("suspend", {State.ACTIVE}, Task.SUSPENDING, State.SUSPENDED),
    ("resume", {State.SUSPENDED}, Task.RESUMING, State.ACTIVE),
    ("rescue", {State.ACTIVE, State.STOPPED, State.ERROR}, Task.RESCUING, State.RESCUED),
    ("unrescue", {State.RESCUED}, Task.UNRESCUING, State.ACTIVE),
    ("rebuild", {State.ACTIVE, State.STOPPED, State.ERROR}, Task.REBUILDING, State.ACTIVE, OnFailure(State.ERROR)),
    ("snapshot", _WITH_DISK, Task.IMAGE_SNAPSHOT, SAME),
    ("shelve", _WITH_DISK, Task.SHELVING, State.SHELVED),
    ("shelve_offload", {State.SHELVED}, Task.SHELVING_OFFLOADING, State.SHELVED_OFFLOADED),
    ("unshelve", {State.SHELVED, State.SHELVED_OFFLOADED}, Task.UNSHELVING, State.ACTIVE),
    ("resize", {State.ACTIVE, State.STOPPED}, Task.RESIZE_PREP, State.RESIZED),
    ("confirm_resize", {State.RESIZED}, Task.RESIZE_CONFIRMING, State.ACTIVE),
    ("revert_resize", {State.RESIZED}, Task.RESIZE_REVERTING, State.ACTIVE),
    ("live_migrate", {State.ACTIVE, State.PAUSED}, Task.MIGRATING, SAME),
    (
        "evacuate",
        {State.ACTIVE, State.STOPPED, State.ERROR},
        Task.EVACUATING,
        State.ACTIVE,
        Overrides(),
        OnFailure(State.ERROR),
    ),
    # from anywhere: what was begun is undone even on a server that has failed meanwhile
    ("attach_volume", set(State) - {State.BUILDING, State.DELETED}, Task.ATTACHING_VOLUME, SAME),
    ("detach_volume", set(State) - {State.BUILDING, State.DELETED}, Task.DETACHING_VOLUME, SAME),
    ("delete", set(State) - {State.DELETED}, Task.DELETING, State.DELETED, Overrides()),
    yielding=YIELDING,
)

_STATUS = {
    State.BUILDING: "BUILD",
    State.ACTIVE: "ACTIVE",
    State.STOPPED: "SHUTOFF",
    State.PAUSED: "PAUSED",
    State.SUSPENDED: "SUSPENDED",
    State.RESCUED: "RESCUE",
    State.RESIZED: "VERIFY_RESIZE",
    State.SHELVED: "SHELVED",
    State.SHELVED_OFFLOADED: "SHELVED_OFFLOADED",
    State.ERROR: "ERROR",
    State.DELETED: "DELETED",
}


# Tasks that show through the state, but for a server in ERROR (nova's table of statuses)
_SHOWN = {
    Task.REBOOTING: "REBOOT",
    Task.REBOOTING_HARD: "HARD_REBOOT",
    Task.REBUILDING: "REBUILD",
    Task.EVACUATING: "REBUILD",
    Task.RESIZE_PREP: "RESIZE",
    Task.RESIZE_REVERTING: "REVERT_RESIZE",
    Task.MIGRATING: "MIGRATING",
}


def status_of(state: State, task: Task | None) -> str:
    """The compute API's ``status``: the state, but for the tasks that show through it."""
    if task is not None and state is not State.ERROR and task in _SHOWN:
        return _SHOWN[task]
    return _STATUS[state]


def states_of(status: str) -> list[tuple[State, Task | None]] | None:
    """The (state, task) pairs that a status filter stands for: task None is any task; None: no such status."""
    wanted = status.upper()
    shown = [task for task, word in _SHOWN.items() if word == wanted]
    if shown:
        return [(state, task) for state in _STATUS if state is not State.ERROR for task in shown]
    found: list[tuple[State, Task | None]] = [(state, None) for state, word in _STATUS.items() if word == wanted]
    return found or None


def counted(*flavors: Flavor | None) -> dict[str, int]:
    """What a server of all these flavors takes of a quota."""
    found = [flavor for flavor in flavors if flavor is not None]
    cores, ram = max(flavor.vcpus for flavor in found), max(flavor.ram_mb for flavor in found)
    return {"instances": 1, "cores": cores, "ram": ram}


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
    group_id: str | None = None  # the server group that it was created in
    hints: dict[str, list[str]] | None = None  # servers that it must be with, or not: different_host, same_host
    old_flavor: Flavor | None = None  # while RESIZED: what a revert goes back to
    new_flavor: Flavor | None = None  # while a resize is under way: what it leads to
    old_host: str | None = None
    old_node: str | None = None
    shelved_image_id: str | None = None  # where a shelved server's disk is kept
    rescue_image_id: str | None = None
    origin_state: State | None = None  # what a rescue, resize or shelve goes back to: ACTIVE or STOPPED

    @property
    def counted(self) -> dict[str, int]:
        """What the server takes of its project's quota: of two flavors, while it has two, the larger numbers."""
        return counted(self.flavor, self.old_flavor, self.new_flavor)

    @property
    def status(self) -> str:
        return status_of(self.state, self.task)

    @property
    def local_root(self) -> bool:
        """Whether its root disk is on its host, and not a volume."""
        return self.image_id is not None

    @property
    def local_devices(self) -> tuple[str, ...]:
        """The device names that its volumes can't have."""
        return self.flavor.local_devices(self.local_root)

    def claims(self, flavor: Flavor | None = None) -> dict[str, int]:
        """What it takes of its host (vcpus, ram_mb, disk_gb), with its own flavor or this one."""
        return (flavor or self.flavor).claims(self.local_root)

    @property
    def shown_task(self) -> Task | None:
        """OS-EXT-STS:task_state."""
        return None if self.task in YIELDING else self.task
