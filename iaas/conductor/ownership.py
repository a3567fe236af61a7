"""Which servers are a host's own: those with a claim on it (docs/decisions/0016). Anything else is a leftover."""

from __future__ import annotations

from collections.abc import Sequence

from iaas.db.compute import nodes, servers
from iaas.db.engine import Tx
from iaas.model.order import Stranger


def strangers(tx: Tx, host: str, server_ids: Sequence[str]) -> tuple[Stranger, ...]:
    """Those of the servers that the host must not keep. What no row knows is nobody's to judge (F-47)."""
    claimed = nodes.claimed_on(tx, host)
    known = servers.by_ids(tx, sorted(set(server_ids) - claimed))
    return tuple(Stranger(server_id=id, fence=server.fence) for id, server in sorted(known.items()))
