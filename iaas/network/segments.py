"""Which segment a network gets: the one that an administrator names, or one of the configured ranges.

Whether the caller may name one is decided above. The numbers themselves are taken in iaas/db/network/segments.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.errors import Invalid
from iaas.model.network import FLAT, LOCAL, VLAN, VXLAN, Segment
from iaas.network.settings import Settings

TUNNEL_BYTES = 50  # what VXLAN over IPv4 adds to a frame
MAX_VLAN, MAX_VNI = 4094, 2**24 - 1


def of(settings: Settings, row: Mapping[str, Any]) -> tuple[Segment, ...]:
    """What the network may have, in order of preference: the next one is for when the range before is exhausted.
    ``row``: kind, physical_network and segmentation_id, each None when nobody named it. Raises Invalid."""
    kind, physical, number = row["kind"], row["physical_network"], row["segmentation_id"]
    if kind is None:
        if physical is not None or number is not None:
            raise _wrong("network_type required")
        return _of_tenant(settings)
    if kind == LOCAL:
        if physical is not None or number is not None:
            raise _wrong("A local network has no physical network and no segmentation id")
        return (Segment(kind=LOCAL),)
    if kind == VXLAN:
        return (_vxlan(settings, physical, number),)
    if kind not in (FLAT, VLAN):
        raise _wrong(f"network_type value '{kind}' not supported")
    if physical is not None and physical not in settings.physical:
        raise _wrong(f"physical_network '{physical}' unknown for {kind} provider network")
    return (_flat(physical, number),) if kind == FLAT else _vlan(settings, physical, number)


def mtu(settings: Settings, kind: str) -> int:
    """The largest frame payload that a network of the kind can carry."""
    return settings.mtu - TUNNEL_BYTES if kind == VXLAN else settings.mtu


def _of_tenant(settings: Settings) -> tuple[Segment, ...]:
    of_kind = {
        LOCAL: (Segment(kind=LOCAL),),
        VXLAN: (_vxlan(settings, None, None),),
        VLAN: _ranges(settings, None),
    }
    found = tuple(segment for kind in settings.tenant_types for segment in of_kind[kind])
    if not found:
        raise _wrong("No tenant network type is configured")
    return found


def _vxlan(settings: Settings, physical: str | None, number: int | None) -> Segment:
    if physical is not None:
        raise _wrong("provider:physical_network specified for VXLAN provider network")
    if number is not None and not 1 <= number <= MAX_VNI:
        raise _wrong(f"segmentation_id out of range (1 through {MAX_VNI})")
    first, last = settings.vxlan_range
    return Segment(kind=VXLAN, number=number, first=first, last=last)


def _flat(physical: str | None, number: int | None) -> Segment:
    if number is not None:
        raise _wrong("segmentation_id prohibited for flat provider network")
    if physical is None:
        raise _wrong("physical_network required for flat provider network")
    return Segment(kind=FLAT, physical_network=physical)


def _vlan(settings: Settings, physical: str | None, number: int | None) -> tuple[Segment, ...]:
    if number is not None:
        if physical is None:
            raise _wrong("segmentation_id requires physical_network for VLAN provider network")
        if not 1 <= number <= MAX_VLAN:
            raise _wrong(f"segmentation_id out of range (1 through {MAX_VLAN})")
        return (Segment(kind=VLAN, physical_network=physical, number=number),)
    found = _ranges(settings, physical)
    if not found:
        raise _wrong(f"physical_network '{physical}' has no range of VLANs: name a segmentation_id")
    return found


def _ranges(settings: Settings, physical: str | None) -> tuple[Segment, ...]:
    """The ranges of VLANs of a physical network, or of all."""
    return tuple(
        Segment(kind=VLAN, physical_network=name, first=first, last=last)
        for name, first, last in settings.vlan_ranges
        if physical in (None, name)
    )


def _wrong(words: str) -> Invalid:
    return Invalid(f"Invalid input for operation: {words}.", code="InvalidInput")
