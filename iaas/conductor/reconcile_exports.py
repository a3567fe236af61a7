"""Compares what volume hosts serve with what servers are attached to, and has the difference repaired (C-12).

R11  The exports of a server on a volume host are not those of its attachments: an order was lost while the host was
     away, its disk was restored, or a server was deleted meanwhile. Seen in two looks in a row, on a server that no
     operation is working on, the host is told what they are: under the fence that the server has, so that what an
     operation orders meanwhile is never undone by it. What no row knows is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from iaas.db import operations
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.db.volume import attachments
from iaas.ids import new_uuid
from iaas.model.order import Heartbeat
from iaas.model.volume import Attachment
from iaas.model.volume_order import Export, VolumeAction, VolumeOrder, digest
from iaas.rpc.volume import VolumeRpc

log = logging.getLogger(__name__)


def exports_of(items: Iterable[Attachment]) -> tuple[Export, ...]:
    """What a volume host is to serve for these attachments."""
    return tuple(
        Export(attachment_id=item.id, volume_id=item.volume_id, name=item.export, writable=item.mode == "rw")
        for item in items
    )


class ExportReconciler:
    """One per conductor. Remembers the last look at each host, bounded by the number of servers that it serves."""

    def __init__(self, database: Database, volume: VolumeRpc) -> None:
        self.database, self.volume = database, volume
        self._suspects: dict[str, frozenset[str]] = {}  # host -> server ids of the last look

    def look(self, beat: Heartbeat) -> None:
        """Takes one volume host's beat. Two or three queries, however much it serves."""
        if beat.backend is None:
            return
        served = dict(beat.backend.served)
        with self.database.read() as tx:
            wanted = self._wanted(tx, beat.host)
            differ = {id for id in served.keys() | wanted.keys() if served.get(id) != digest(wanted.get(id, ()))}
            again = differ & self._suspects.get(beat.host, frozenset())
            busy = {item.resource_id for item in operations.live(tx, "server", sorted(again))} if again else set()
            rows = servers.by_ids(tx, sorted(again - busy)) if again else {}
        self._suspects[beat.host] = frozenset(differ)
        for server_id in sorted(again - busy):
            if server_id not in rows:
                log.warning("R11: %s serves volumes to %s, which is in no row: left alone", beat.host, server_id)
                continue
            log.warning("R11: what %s serves to server %s is not what it is attached to", beat.host, server_id)
            order = VolumeOrder(
                operation_id=new_uuid(), step="reconcile", fence=rows[server_id].fence, attempt=1,
                subject=server_id, action=VolumeAction.EXPORT, exports=wanted.get(server_id, ()),
            )  # fmt: skip
            self.volume.execute(beat.host, order)

    def _wanted(self, tx: Tx, host: str) -> dict[str, tuple[Export, ...]]:
        by_server: dict[str, list[Attachment]] = {}
        for item in attachments.connected_on(tx, host):
            by_server.setdefault(item.server_id, []).append(item)
        return {server_id: exports_of(items) for server_id, items in by_server.items()}
