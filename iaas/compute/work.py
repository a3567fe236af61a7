"""Hands accepted work to the conductor: the operation's row now, the doorbell after the commit (C-01).

A lost doorbell costs time only: the conductor's sweeper finds the queued row within two seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iaas import failpoints
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import operations
from iaas.db.engine import Tx


def _before_create() -> None:
    failpoints.hit("api.server.create.before_publish")


def _before_delete() -> None:
    failpoints.hit("api.server.delete.before_publish")


def _before_action() -> None:
    failpoints.hit("api.server.action.before_publish")


_POINTS: Mapping[str, Callable[[], None]] = {"server.create": _before_create, "server.delete": _before_delete}


def queue(
    compute: Compute, tx: Tx, context: Context, kind: str, server_id: str, fence: int,
    params: dict[str, Any] | None = None, deadline: bool = True,
) -> str:  # fmt: skip
    """Queues an operation on a server beside the caller's change of state; gives the operation's id."""
    operation_id = operations.queue(
        tx, context, kind, ("server", server_id), fence, params or {}, compute.deadline_s if deadline else None
    )

    def ring() -> None:
        _POINTS.get(kind, _before_action)()
        compute.conductor.run(operation_id)

    tx.after_commit(ring)
    return operation_id
