"""Who waits for ports to be wired: the operations under way on their servers. They are rung, whatever they wait for;
an operation that waits for something else just looks and sleeps again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from iaas.db import operations
from iaas.db.engine import Tx


def ring(conductor: Callable[[str], None], tx: Tx, server_ids: Collection[str]) -> None:
    """``conductor`` is ConductorRpc.run. For the Controller's ``on_wired``, bound with functools.partial."""
    waiting = [operation.id for operation in operations.live(tx, "server", list(server_ids))]
    operations.nudge(tx, waiting)
    for operation_id in waiting:
        tx.after_commit(partial(conductor, operation_id))
