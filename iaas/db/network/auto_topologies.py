"""Which project got a network by itself. The unique project_id and cidr decide between those who ask at once."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.network import listing
from iaas.db.schema.network import auto_topologies
from iaas.model.network import AutoTopology


def of(tx: Tx, project_id: str, lock: bool = False) -> AutoTopology | None:
    """``lock``: those who take it away go one after the other."""
    query = sa.select(auto_topologies).where(auto_topologies.c.project_id == project_id)
    row = tx.first(query.with_for_update() if lock else query)
    return AutoTopology(**row._mapping) if row else None


def cidrs(tx: Tx) -> set[str]:
    """What of the pool is in use, in any project."""
    return {row.cidr for row in tx.all(sa.select(auto_topologies.c.cidr))}


def claim(tx: Tx, project_id: str, cidr: str) -> bool:
    """Whether the project has the range now; False when the project has a row already, or another has the range.
    Waits for those who are just asking for either."""
    return listing.claim(tx, auto_topologies, {"project_id": project_id, "cidr": cidr})


def complete(tx: Tx, project_id: str, network_id: str, router_id: str) -> None:
    """In the transaction of the claim: nobody sees a row without a network."""
    made = {"network_id": network_id, "router_id": router_id}
    tx.update(auto_topologies, auto_topologies.c.project_id == project_id, made)
