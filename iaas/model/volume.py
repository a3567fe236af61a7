"""Volumes, their snapshots and attachments with their states as tables; volume types."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.model.machine import SAME, OnFailure, Overrides, machine


class State(StrEnum):
    """What a volume is; ``status_of`` makes the volume API's word of it and its task.

    AVAILABLE to DETACHING are what its attachments make it, see ``state_by``: they change with the attachments' rows
    and not by the events of the table.
    """

    NEW = "new"  # a row without bytes yet
    AVAILABLE = "available"
    RESERVED = "reserved"
    ATTACHING = "attaching"
    IN_USE = "in-use"
    DETACHING = "detaching"
    ERROR = "error"
    ERROR_EXTENDING = "error_extending"
    ERROR_DELETING = "error_deleting"
    DELETED = "deleted"


class Task(StrEnum):
    CREATING = "creating"
    UPLOADING = "uploading"
    EXTENDING = "extending"
    DELETING = "deleting"


class AttachmentState(StrEnum):
    """RESERVED: promised, nothing is connected. ATTACHING and DETACHING have a live operation of the server."""

    RESERVED = "reserved"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHING = "detaching"


BY_ATTACHMENTS = frozenset({State.AVAILABLE, State.RESERVED, State.ATTACHING, State.IN_USE, State.DETACHING})

VOLUME = machine(
    "volume",
    State,
    Task,
    #  event    from                                                                while           to
    ("create", {State.NEW}, Task.CREATING, State.AVAILABLE, OnFailure(State.ERROR)),
    ("upload", {State.AVAILABLE, State.IN_USE}, Task.UPLOADING, SAME),
    ("extend", {State.AVAILABLE}, Task.EXTENDING, SAME, OnFailure(State.ERROR_EXTENDING)),
    (
        "delete",
        {State.NEW, State.AVAILABLE, State.ERROR, State.ERROR_EXTENDING, State.ERROR_DELETING},
        Task.DELETING,
        State.DELETED,
        Overrides((Task.CREATING,)),
        OnFailure(State.ERROR_DELETING),
    ),
)


class SnapshotState(StrEnum):
    NEW = "new"
    AVAILABLE = "available"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    DELETED = "deleted"


class SnapshotTask(StrEnum):
    CREATING = "creating"
    DELETING = "deleting"


SNAPSHOT = machine(
    "snapshot",
    SnapshotState,
    SnapshotTask,
    ("create", {SnapshotState.NEW}, SnapshotTask.CREATING, SnapshotState.AVAILABLE, OnFailure(SnapshotState.ERROR)),
    (
        "delete",
        {SnapshotState.NEW, SnapshotState.AVAILABLE, SnapshotState.ERROR, SnapshotState.ERROR_DELETING},
        SnapshotTask.DELETING,
        SnapshotState.DELETED,
        Overrides((SnapshotTask.CREATING,)),
        OnFailure(SnapshotState.ERROR_DELETING),
    ),
)


def status_of(state: StrEnum, task: StrEnum | None) -> str:
    """The volume API's ``status`` of a volume or a snapshot."""
    return task.value if task else state.value


def state_by(attachments: Collection[AttachmentState]) -> State:
    """What its attachments make a volume that has no other trouble: the most settled of them shows (multiattach)."""
    for state, shown in (
        (AttachmentState.ATTACHED, State.IN_USE),
        (AttachmentState.DETACHING, State.DETACHING),
        (AttachmentState.ATTACHING, State.ATTACHING),
        (AttachmentState.RESERVED, State.RESERVED),
    ):
        if state in attachments:
            return shown
    return State.AVAILABLE


@dataclass(frozen=True, kw_only=True)
class VolumeType:
    id: str
    name: str
    description: str | None
    is_public: bool
    extra_specs: dict[str, str] = field(default_factory=dict)
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Volume:
    """``host``: whose back end has it; None until it is placed. ``size_gb`` in GiB. ``image_metadata``: the image's
    properties when the volume was made from it, for what boots from the volume."""

    id: str
    project_id: str
    user_id: str
    name: str | None
    description: str | None
    size_gb: int
    state: State
    task: Task | None
    host: str | None
    volume_type_id: str | None
    availability_zone: str
    bootable: bool
    multiattach: bool = False
    image_id: str | None = None
    image_metadata: dict[str, Any] | None = None
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    metadata: dict[str, str]
    fence: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> str:
        return status_of(self.state, self.task)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A volume as it was at one moment, on the volume's host; ``size_gb`` is the volume's at that moment, GiB."""

    id: str
    project_id: str
    user_id: str
    volume_id: str
    name: str | None
    description: str | None
    size_gb: int
    state: SnapshotState
    task: SnapshotTask | None
    metadata: dict[str, str]
    fence: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> str:
        return status_of(self.state, self.task)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A volume of a server, from the wish until it is off the server again.

    ``export``: the name under which the volume host serves it; a new one cuts the old connection off for good.
    ``host``: the compute host that it is connected from. ``device``: "/dev/vdb" of the APIs without "/dev/".
    """

    id: str
    project_id: str
    volume_id: str
    server_id: str
    state: AttachmentState
    mode: str  # "rw" or "ro"
    device: str
    boot_index: int | None
    delete_on_termination: bool
    tag: str | None
    host: str | None
    export: str
    created_at: datetime
    attached_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A volume host as the placement and an administrator see it; GiB. ``used_gb``: promised to volumes and
    snapshots, whether written yet or not."""

    host: str
    address: str
    port: int
    total_gb: int
    used_gb: int

    @property
    def free_gb(self) -> int:
        return max(0, self.total_gb - self.used_gb)
