"""An image, its members and its tasks, and the states of an image as one table. Knows nothing of HTTP or of stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.model.machine import OnFailure, Overrides, machine


class State(StrEnum):
    """What the image is when nothing is under way."""

    QUEUED = "queued"  # a record without data
    UPLOADING = "uploading"  # has staged data, which wait for their import
    ACTIVE = "active"
    DEACTIVATED = "deactivated"  # has data that only administrators and the platform may read
    DELETED = "deleted"  # a tombstone: its id is never used again


class Task(StrEnum):
    SAVING = "saving"
    STAGING = "staging"  # its data are on the way to the staging store
    IMPORTING = "importing"
    DELETING = "deleting"


class LocationState(StrEnum):
    """What a store holds of an image."""

    WRITING = "writing"  # perhaps something, and never to be read
    ACTIVE = "active"  # all of it
    STAGED = "staged"  # all of it, in the staging store, until it is imported
    FAILED = "failed"  # nothing: the import there went wrong
    REMOVING = "removing"  # perhaps something yet: it is being deleted from this store alone


STAGING = "staging"  # the id of the store of what waits to be imported


class Visibility(StrEnum):
    PUBLIC = "public"
    COMMUNITY = "community"
    SHARED = "shared"
    PRIVATE = "private"


class MemberStatus(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


_ON = {State.ACTIVE, State.DEACTIVATED}

IMAGE = machine(
    "image",
    State,
    Task,
    #  event        from                        while          to
    ("upload", {State.QUEUED}, Task.SAVING, State.ACTIVE),
    ("stage", {State.QUEUED}, Task.STAGING, State.UPLOADING),
    ("import", {State.QUEUED, State.UPLOADING}, Task.IMPORTING, State.ACTIVE, OnFailure(State.QUEUED)),
    ("deactivate", _ON, None, State.DEACTIVATED),
    ("reactivate", _ON, None, State.ACTIVE),
    ("delete", {State.QUEUED, State.UPLOADING, *_ON}, Task.DELETING, State.DELETED, Overrides()),
)


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where data of an image are, or are on the way to. ``name``: what the store calls them, which is a URL in a store
    that keeps nothing itself; ``store``: the id that the configuration gives it."""

    store: str
    name: str
    state: LocationState


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image; a fresh one, unless more is said. Sizes in bytes, ``min_disk`` in GiB, ``min_ram`` in MiB; hashes are
    of the file."""

    id: str
    name: str | None = None
    project_id: str | None  # the owner
    state: State = State.QUEUED
    task: Task | None = None
    visibility: Visibility = Visibility.SHARED
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    hidden: bool = False
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None  # md5, which the published API can't do without; hash_value is the one to trust
    hash_algo: str | None = None
    hash_value: str | None = None
    generation: int = 0  # counts the uploads; the data of an older one is never taken for the newer's
    version: int = 0
    created_at: datetime
    updated_at: datetime
    properties: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()

    @property
    def status(self) -> str:
        """The image API's ``status``."""
        if self.task is Task.DELETING:
            return State.DELETED.value
        if self.task is Task.STAGING:
            return State.UPLOADING.value
        return self.task.value if self.task else self.state.value

    @property
    def blob(self) -> str:
        """The name of this image's data in a store: of nothing that a user chose but the checked id."""
        return f"{self.id}.{self.generation}"

    def stores(self, state: LocationState = LocationState.ACTIVE) -> tuple[str, ...]:
        """The ids of the stores that have its data in this state, sorted."""
        return tuple(sorted(item.store for item in self.locations if item.state is state))


@dataclass(frozen=True, kw_only=True)
class Member:
    """A project with which a shared image is shared."""

    image_id: str
    project_id: str
    status: MemberStatus
    created_at: datetime
    updated_at: datetime


class TaskStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESS = "success"
    FAILURE = "failure"


OPEN = (TaskStatus.PENDING, TaskStatus.PROCESSING)


class TaskType(StrEnum):
    IMPORT = "import"  # of POST /v2/tasks
    API_IMPORT = "api_image_import"  # of POST /v2/images/{id}/import
    LOCATION = "location_import"  # of POST /v2/images/{id}/locations


@dataclass(frozen=True, kw_only=True)
class ImageTask:
    """``input`` and ``result`` are the published API's. ``attempt`` counts who took it up, and fences: who lost it can
    change nothing any more. ``expires_at``: when it is forgotten, None while it is not over."""

    id: str
    type: TaskType
    status: TaskStatus
    owner: str | None
    user_id: str | None
    request_id: str | None
    image_id: str | None
    input: dict[str, Any]
    result: dict[str, Any] | None = None
    message: str = ""
    attempt: int = 0
    expires_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Whose eyes look: a project's, or those that see everything (administrators, the platform)."""

    project_id: str | None
    everything: bool = False
