"""Hands accepted work to the conductor: the operation's row now, the doorbell after the commit (C-01).

A lost doorbell costs time only: the conductor's sweeper finds the queued row within two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas import failpoints
from iaas.context import Context
from iaas.db import operations
from iaas.db.engine import Tx
from iaas.volume.service import VolumeServices


def queue(
    service: VolumeServices,
    tx: Tx,
    context: Context,
    kind: str,
    resource_id: str,
    fence: int,
    params: Mapping[str, Any] | None = None,
) -> None:
    """``kind``: "volume.create" and the like; its first word is the resource's type. What was promised to be gone must
    go: a delete has no deadline (C-14)."""
    noun, _, verb = kind.partition(".")
    deadline = None if verb == "delete" else service.deadline_s
    operation_id = operations.queue(tx, context, kind, (noun, resource_id), fence, dict(params or {}), deadline)

    def ring() -> None:
        if kind == "volume.create":
            failpoints.hit("api.volume.create.before_publish")
        elif kind == "volume.delete":
            failpoints.hit("api.volume.delete.before_publish")
        else:
            failpoints.hit("api.volume.other.before_publish")
        service.conductor.run(operation_id)

    tx.after_commit(ring)
