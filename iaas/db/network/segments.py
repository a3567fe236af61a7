"""Numbers of segments: which are free, and the fault of naming one in use. The unique networks.segment takes them."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.network import networks
from iaas.errors import Conflict
from iaas.model.network import FLAT, VLAN, Segment

_GUESSES = 8


def used(tx: Tx, name: str | None) -> bool:
    """Whether a network has the segment of that name."""
    return name is not None and tx.scalar(sa.select(networks.c.id).where(networks.c.segment == name)) is not None


def free(tx: Tx, segment: Segment) -> int | None:
    """A number of the segment's range that nobody has at this moment; None when the range is exhausted. Random, so
    that a number just given back is not given out at once."""
    size = segment.last - segment.first + 1
    guesses = {segment.first + secrets.randbelow(size) for _ in range(_GUESSES)}
    same = (networks.c.kind == segment.kind) & (
        networks.c.physical_network.is_(None)
        if segment.physical_network is None
        else networks.c.physical_network == segment.physical_network
    )
    rows = tx.all(sa.select(networks.c.segmentation_id).where(same, networks.c.segmentation_id.in_(guesses)))
    left = guesses - {row.segmentation_id for row in rows}
    return left.pop() if left else _gap(tx, segment, same)


def _gap(tx: Tx, segment: Segment, same: sa.ColumnElement[bool]) -> int | None:
    """The lowest free number."""
    other = networks.alias()
    if not tx.scalar(sa.select(networks.c.id).where(same, networks.c.segmentation_id == segment.first)):
        return segment.first
    after = sa.exists().where(
        other.c.kind == networks.c.kind,
        sa.func.coalesce(other.c.physical_network, "") == sa.func.coalesce(networks.c.physical_network, ""),
        other.c.segmentation_id == networks.c.segmentation_id + 1,
    )
    inside = networks.c.segmentation_id.between(segment.first, segment.last - 1)
    found: int | None = tx.scalar(sa.select(sa.func.min(networks.c.segmentation_id) + 1).where(same, inside, ~after))
    return found


def exhausted() -> Conflict:
    """The fault of who names no segment when none is left."""
    return Conflict(
        "Unable to create the network. No tenant network is available for allocation.", code="NoNetworkAvailable"
    )


def taken(segment: Segment, number: int | None) -> Conflict:
    """The fault of who names a segment that another network has."""
    if segment.kind == FLAT:
        words, code = f"Physical network {segment.physical_network} is in use.", "FlatNetworkInUse"
    elif segment.kind == VLAN:
        words = f"The VLAN {number} on physical network {segment.physical_network} is in use."
        code = "VlanIdInUse"
    else:
        words, code = f"The tunnel ID {number} is in use.", "TunnelIdInUse"
    return Conflict(f"Unable to create the network. {words}", code=code)
