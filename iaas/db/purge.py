"""Forgets what ended long ago, in small batches: deleted servers and volumes, and the operations on them."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.compute import migrations, servers
from iaas.db.schema.operations import journal, operations
from iaas.db.schema.volume import volumes
from iaas.model.operation import LIVE

BATCH = 200


def purge(tx: Tx, keep: timedelta) -> int:
    """One batch of everything whose end is older than ``keep``; gives the number of rows, 0 when nothing is left.

    Operations on a resource that still exists stay with it: they are its history.
    """
    before = tx.now() - keep
    gone = 0
    for table, noun in ((servers, "server"), (volumes, "volume")):
        old = [row.id for row in tx.all(sa.select(table.c.id).where(table.c.deleted_at < before).limit(BATCH))]
        if not old:
            continue
        theirs = (operations.c.resource_type == noun) & operations.c.resource_id.in_(old)
        ended = theirs & operations.c.state.not_in(LIVE)
        ids = [row.id for row in tx.all(sa.select(operations.c.id).where(ended))]
        tx.delete(journal, journal.c.operation_id.in_(ids))
        gone += tx.delete(operations, operations.c.id.in_(ids))
        if table is servers:
            tx.delete(migrations, migrations.c.server_id.in_(old))
        gone += tx.delete(table, table.c.id.in_(old))
    return gone
