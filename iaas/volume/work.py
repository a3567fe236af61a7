"""Hands accepted work to the conductor: the operation's row now, the doorbell after the commit (C-01).

A lost doorbell costs time only: the conductor's sweeper finds the queued row within two seconds.
"""

from __future__ import annotations

from iaas import failpoints
from iaas.context import Context
from iaas.db import operations
from iaas.db.engine import Tx
from iaas.volume.service import VolumeServices


def queue_create(service: VolumeServices, tx: Tx, context: Context, volume_id: str, fence: int) -> None:
    operation_id = operations.queue(
        tx, context, "volume.create", ("volume", volume_id), fence, deadline_s=service.deadline_s
    )

    def ring() -> None:
        failpoints.hit("api.volume.create.before_publish")
        service.conductor.run(operation_id)

    tx.after_commit(ring)


def queue_delete(service: VolumeServices, tx: Tx, context: Context, volume_id: str, fence: int) -> None:
    """Without a deadline: what was promised to be gone must go (C-14)."""
    operation_id = operations.queue(tx, context, "volume.delete", ("volume", volume_id), fence)

    def ring() -> None:
        failpoints.hit("api.volume.delete.before_publish")
        service.conductor.run(operation_id)

    tx.after_commit(ring)
