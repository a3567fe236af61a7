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
from iaas.model.operation import FILLS


def _before_create() -> None:
    failpoints.hit("api.server.create.before_publish")


def _before_delete() -> None:
    failpoints.hit("api.server.delete.before_publish")


def _before_action() -> None:
    failpoints.hit("api.server.action.before_publish")


_POINTS: Mapping[str, Callable[[], None]] = {"server.create": _before_create, "server.delete": _before_delete}


def supersede(compute: Compute, tx: Tx, server_id: str, everything: bool = False) -> None:
    """Ends what is under way on the server; an image that was to be filled goes with it. ``everything``: as in
    operations.supersede.
    """
    for item in operations.live(tx, "server", [server_id]):
        if FILLS in item.params:
            compute.image.discard_unfinished(tx, item.params[FILLS])
    operations.supersede(tx, "server", server_id, everything)


def queue(
    compute: Compute, tx: Tx, context: Context, kind: str, server_id: str, fence: int,
    params: dict[str, Any] | None = None, deadline: bool = True, deadline_s: int | None = None, yields: bool = False,
) -> str:  # fmt: skip
    """Queues an operation on a server beside the caller's change of state; gives the operation's id. ``deadline_s``:
    when it may take longer than others."""
    operation_id = operations.queue(
        tx, context, kind, ("server", server_id), fence, params or {},
        (deadline_s or compute.deadline_s) if deadline else None, yields,
    )  # fmt: skip

    def ring() -> None:
        _POINTS.get(kind, _before_action)()
        compute.conductor.run(operation_id)

    tx.after_commit(ring)
    return operation_id
