"""A volume and its states as one table; a volume type."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from iaas.model.machine import OnFailure, Overrides, machine


class State(StrEnum):
    """What a volume is; ``status_of`` makes the volume API's word of it and its task."""

    NEW = "new"  # a row without bytes yet
    AVAILABLE = "available"
    ERROR = "error"
    ERROR_DELETING = "error_deleting"
    DELETED = "deleted"


class Task(StrEnum):
    CREATING = "creating"
    DELETING = "deleting"


VOLUME = machine(
    "volume",
    State,
    Task,
    #  event    from                                                                while           to
    ("create", {State.NEW}, Task.CREATING, State.AVAILABLE, OnFailure(State.ERROR)),
    (
        "delete",
        {State.NEW, State.AVAILABLE, State.ERROR, State.ERROR_DELETING},
        Task.DELETING,
        State.DELETED,
        Overrides(),
        OnFailure(State.ERROR_DELETING),
    ),
)


def status_of(state: State, task: Task | None) -> str:
    """The volume API's ``status``."""
    return task.value if task else state.value


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
    """``host``: whose back end has it; None until it is placed. ``size_gb`` in GiB."""

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
    metadata: dict[str, str]
    fence: int
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def status(self) -> str:
        return status_of(self.state, self.task)
