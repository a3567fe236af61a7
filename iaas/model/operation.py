"""An operation: a piece of accepted work as a row, and the journal of its steps (C-01, C-22)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from iaas.context import Context


class OperationState(StrEnum):
    """QUEUED: nobody has it. RUNNING: a conductor holds the lease. WAITING: until a report, a doorbell or
    ``wake_at``. DONE, FAILED (and undone) and SUPERSEDED (a delete took over) are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


LIVE = (OperationState.QUEUED, OperationState.RUNNING, OperationState.WAITING)
NO_TURN = 0  # the fence of an operation that waits for its turn on its resource
FILLS = "fills_image"  # among an operation's params: the queued image that a host is to fill


@dataclass(frozen=True, kw_only=True)
class Operation:
    """``kind`` names the flow ("server.create"). ``fence`` travels to hosts; ``rounds`` counts retries of the flow.

    ``yields``: the operation waits for its turn on its resource (its fence is NO_TURN), and loses its turn to whatever
    else is asked of the resource meanwhile; then it waits again and does anew what it did (docs/decisions/0014).
    """

    id: str
    kind: str
    resource_type: str
    resource_id: str
    project_id: str
    user_id: str
    request_id: str
    state: OperationState
    undoing: bool
    step: str
    fence: int
    owner: str | None
    wake_at: datetime | None
    deadline: datetime | None
    rounds: int
    params: dict[str, Any]
    error: str | None
    error_kind: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    yields: bool = False

    @property
    def caller(self) -> Context:
        """Who asked for it, with the platform's rights: to act in their name."""
        return Context(
            request_id=self.request_id,
            user_id=self.user_id,
            project_id=self.project_id,
            roles=("admin",),
            is_admin=True,
        )


@dataclass(frozen=True, kw_only=True)
class JournalLine:
    """One step as it was begun and, perhaps, ended. ``report`` is what a host answered, ``data`` what it yielded.
    ``message``: why it failed; after its first line comes what only operators may read, such as names of hosts."""

    operation_id: str
    round: int
    step: str
    started_at: datetime
    finished_at: datetime | None
    result: str | None
    attempt: int
    host: str | None
    report: dict[str, Any] | None
    data: dict[str, Any] = field(default_factory=dict)
    message: str | None = None

    @property
    def words(self) -> str | None:
        """What everybody may read of the message."""
        return self.message.partition("\n")[0] if self.message else None

    @property
    def for_operators(self) -> str | None:
        return self.message.partition("\n")[2] or None if self.message else None
