"""Tags of everything in the network API: one table, keyed by the id of the thing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.network.listing import claim
from iaas.db.schema.network import network_tags


def of(tx: Tx, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of each id, sorted; ids without one are absent. At most a page of ids."""
    if not ids:
        return {}
    query = sa.select(network_tags).where(network_tags.c.resource_id.in_(ids)).order_by(network_tags.c.tag)
    found: dict[str, tuple[str, ...]] = {}
    for row in tx.all(query):
        found[row.resource_id] = (*found.get(row.resource_id, ()), row.tag)
    return found


def replace(tx: Tx, id: str, tags: Iterable[str]) -> None:
    remove_all(tx, [id])
    for tag in sorted(set(tags)):
        add(tx, id, tag)


def add(tx: Tx, id: str, tag: str) -> None:
    claim(tx, network_tags, {"resource_id": id, "tag": tag})


def remove(tx: Tx, id: str, tag: str) -> bool:
    """False when it was not there."""
    return bool(tx.delete(network_tags, (network_tags.c.resource_id == id) & (network_tags.c.tag == tag)))


def remove_all(tx: Tx, ids: Sequence[str]) -> None:
    if ids:
        tx.delete(network_tags, network_tags.c.resource_id.in_(ids))
