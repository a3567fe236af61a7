"""Aggregates: their life, and the rule that no server finds itself in another zone than it was made for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.compute import aggregates, nodes, servers
from iaas.db.engine import Tx
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.aggregate import ZONE, Aggregate

INHABITED = "One or more hosts contain instances in this zone."


def listed(compute: Compute) -> list[Aggregate]:
    with compute.database.read() as tx:
        return aggregates.all_of(tx)


def get(compute: Compute, aggregate_id: int) -> Aggregate:
    """Raises NotFound."""
    with compute.database.read() as tx:
        return aggregates.get(tx, aggregate_id)


def create(compute: Compute, name: str, zone: str | None) -> Aggregate:
    """Raises Conflict when the name is taken."""
    return compute.database.run(lambda tx: aggregates.insert(tx, name, {ZONE: zone} if zone else {}))


def delete(compute: Compute, aggregate_id: int) -> None:
    """Raises NotFound, or Invalid while it has hosts."""

    def write(tx: Tx) -> None:
        aggregates.lock(tx, aggregate_id)
        if aggregates.get(tx, aggregate_id).hosts:
            raise Invalid(f"Cannot delete aggregate {aggregate_id}. Reason: Host aggregate is not empty.")
        aggregates.remove(tx, aggregate_id)

    compute.database.run(write)


def change(compute: Compute, aggregate_id: int, name: str | None, metadata: Mapping[str, str | None]) -> Aggregate:
    """Sets the name (None: as it is) and items of the metadata, None taking one away. Raises NotFound; Conflict when
    the name is taken; Invalid when a host would be in two zones, or leave a zone with servers on it."""

    def write(tx: Tx) -> Aggregate:
        aggregates.lock(tx, aggregate_id)
        found = aggregates.get(tx, aggregate_id)
        values: dict[str, Any] = {"name": name} if name else {}
        if metadata:
            merged = {**found.metadata, **metadata}
            values["metadata"] = {key: value for key, value in merged.items() if value is not None}
            _check_zone(compute, tx, found, values["metadata"].get(ZONE))
        return aggregates.change(tx, aggregate_id, values)

    return compute.database.run(write)


def add_host(compute: Compute, aggregate_id: int, host: str) -> Aggregate:
    """Raises NotFound for either; Conflict when it is there already, is in another zone, or would take servers out of
    the zone that they were asked for in."""

    def write(tx: Tx) -> Aggregate:
        aggregates.lock(tx, aggregate_id)
        found = aggregates.get(tx, aggregate_id)
        if nodes.of_host(tx, host) is None:
            raise NotFound(f"Compute host {host} could not be found.")
        if host not in found.hosts and found.zone:
            reason = _two_zones(tx, found, [host], found.zone) or _uprooted(compute, tx, host, found.zone)
            if reason:
                raise Conflict(f"Cannot add host to aggregate {aggregate_id}. Reason: {reason}")
        aggregates.add_host(tx, found, host)
        return aggregates.get(tx, aggregate_id)

    return compute.database.run(write)


def remove_host(compute: Compute, aggregate_id: int, host: str) -> Aggregate:
    """Raises NotFound; Conflict when servers there were asked for in the zone that the host would leave."""

    def write(tx: Tx) -> Aggregate:
        aggregates.lock(tx, aggregate_id)
        found = aggregates.get(tx, aggregate_id)
        others = (item for item in aggregates.all_of(tx) if item.id != found.id and host in item.hosts)
        after = next((item.zone for item in others if item.zone), compute.default_zone)
        if host in found.hosts and found.zone and found.zone != after and (why := _uprooted(compute, tx, host, after)):
            raise Conflict(f"Cannot remove host from aggregate {aggregate_id}. Reason: {why}")
        aggregates.remove_host(tx, found, host)
        return aggregates.get(tx, aggregate_id)

    return compute.database.run(write)


def cache_images(compute: Compute, context: Context, aggregate_id: int, image_ids: Sequence[str]) -> None:
    """Has the images fetched by the aggregate's hosts, sometime soon. Raises NotFound for the aggregate or an image,
    Invalid for an image without data."""
    with compute.database.read() as tx:
        found = aggregates.get(tx, aggregate_id)
        for image_id in image_ids:
            compute.image.get_for_boot(tx, context, image_id)
    compute.conductor.cache_images(tuple(image_ids), tuple(found.hosts))


def _check_zone(compute: Compute, tx: Tx, found: Aggregate, zone: str | None) -> None:
    if zone == found.zone or not found.hosts:
        return
    reason = _two_zones(tx, found, found.hosts, zone) if zone else None
    if reason is None and servers.inhabited(tx, found.hosts):
        reason = INHABITED
    if reason:
        raise Invalid(f"Cannot update aggregate {found.id}. Reason: {reason}")


def _two_zones(tx: Tx, mine: Aggregate, hosts: Iterable[str], zone: str) -> str | None:
    wanted = set(hosts)
    others = {item.zone for item in aggregates.all_of(tx) if item.id != mine.id and wanted & set(item.hosts)}
    if conflicting := sorted(other for other in others if other and other != zone):
        return f"One or more hosts already in availability zone(s) {conflicting}."
    return None


def _uprooted(compute: Compute, tx: Tx, host: str, zone: str) -> str | None:
    """Servers that named their zone stay in it."""
    named = servers.zones_asked_for(tx, host) - {zone}
    return INHABITED if named else None
