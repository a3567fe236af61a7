"""POST /servers: everything that a request names is looked up, then quota, rows, ports and the operations are
written in ONE transaction. What is refused here leaves nothing behind; what is accepted can't be lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from iaas.compute import hostname, server_disks, server_groups, work
from iaas.compute.quotas import check_addresses
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import quotas
from iaas.db.compute import aggregates, flavors, keypairs, nodes, servers, tags
from iaas.db.engine import Tx
from iaas.errors import Conflict, Forbidden, Invalid, NotFound, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.flavor import Flavor
from iaas.model.keypair import Keypair
from iaas.model.network import NetworkRequest
from iaas.model.server_request import NetworkWish, NewServers

MAX_SERVERS = 1000  # of one request; the quota is usually far below


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A request with its names resolved."""

    wish: NewServers
    flavor: Flavor
    key: Keypair | None
    networks: tuple[NetworkRequest, ...]
    count: int
    config_drive: bool


def create(compute: Compute, context: Context, wish: NewServers) -> tuple[str, list[str]]:
    """Makes the servers' rows, BUILD and scheduling, and their operations; gives the reservation id and
    their ids.

    Raises Invalid for anything named that is not there or does not fit, Conflict for an ambiguous network,
    QuotaExceeded, Forbidden.
    """
    return compute.database.run(lambda tx: _create(compute, tx, context, wish))


def _create(compute: Compute, tx: Tx, context: Context, wish: NewServers) -> tuple[str, list[str]]:
    plan = _plan(compute, tx, context, wish)
    amounts = {"instances": plan.count, "cores": plan.count * plan.flavor.vcpus, "ram": plan.count * plan.flavor.ram_mb}
    quotas.take(tx, context.owner, amounts, compute.quota)
    if wish.group_id:
        server_groups.join(compute, tx, context, wish.group_id, plan.count)
    reservation = f"r-{secrets.token_hex(4)}"
    ids = [_one(compute, tx, context, plan, reservation, index) for index in range(plan.count)]
    check_addresses(compute, tx, context.owner, ids)
    return reservation, ids


def _one(compute: Compute, tx: Tx, context: Context, plan: _Plan, reservation: str, index: int) -> str:
    wish, server_id = plan.wish, new_uuid()
    name = wish.name if plan.count == 1 else f"{wish.name}-{index + 1}"
    row: dict[str, Any] = {
        "id": server_id, "project_id": context.owner, "user_id": context.user_id or "", "name": name,
        "description": wish.description, "hostname": hostname.of(name, server_id), "image_id": wish.image_id,
        "flavor_id": plan.flavor.id, "flavor": plan.flavor, "metadata": wish.metadata, "user_data": wish.user_data,
        "key_name": plan.key.name if plan.key else None, "key_data": plan.key.public_key if plan.key else None,
        "availability_zone": wish.availability_zone, "config_drive": plan.config_drive, "group_id": wish.group_id,
        "hints": wish.hints or None,
        "reservation_id": reservation, "launch_index": index,
    }  # fmt: skip
    servers.insert(tx, row)
    if wish.tags:
        tags.replace(tx, server_id, wish.tags)
    if plan.networks:
        with _named_by_the_request():
            compute.network.allocate(tx, context, server_id, plan.networks, wish.security_groups)
        if compute.auto_floating:
            compute.network.give_floating(tx, context, server_id)
    if wish.disks:
        with _named_by_the_request():
            server_disks.promise(compute, tx, context, server_id, wish, plan.flavor)
    params: dict[str, Any] = {"volumes": bool(wish.disks)}
    if wish.forced_host:
        params["forced_host"] = wish.forced_host
    work.queue(compute, tx, context, "server.create", server_id, 1, params)
    return server_id


def _plan(compute: Compute, tx: Tx, context: Context, wish: NewServers) -> _Plan:
    if len(wish.metadata) > compute.quota["metadata_items"]:
        raise QuotaExceeded(f"Maximum number of metadata items exceeds {compute.quota['metadata_items']}")
    flavor = _flavor(tx, context, wish.flavor_id)
    with _named_by_the_request():
        properties = server_disks.check(compute, tx, context, wish, flavor)
    _check_placement(compute, tx, wish)
    key = None
    if wish.key_name:
        try:
            key = keypairs.get(tx, context.user_id or "", wish.key_name)
        except NotFound as error:
            raise Invalid("Invalid key_name provided.", field="key_name") from error
    count = _count(compute, tx, context, wish, flavor)
    networks = _networks(compute, tx, context, wish)
    if count > 1 and any(item.port_id or item.fixed_ip for item in networks):
        raise Invalid("A port or a fixed IP can't be shared by several servers.", field="networks")
    drive = wish.config_drive or server_disks.needs_config_drive(compute, properties)
    return _Plan(wish=wish, flavor=flavor, key=key, networks=networks, count=count, config_drive=drive)


def _flavor(tx: Tx, context: Context, flavor_id: str) -> Flavor:
    """A private flavor of others looks like none at all (S-059)."""
    try:
        flavor = flavors.get(tx, flavor_id, None if context.is_admin else context.owner)
    except NotFound as error:
        raise Invalid(error.message, field="flavorRef") from error
    if flavor.disabled and not context.is_admin:
        raise Invalid(f"Flavor {flavor_id} could not be found.", field="flavorRef")
    return flavor


def _check_placement(compute: Compute, tx: Tx, wish: NewServers) -> None:
    if wish.availability_zone and wish.availability_zone not in zones(compute, tx):
        raise Invalid("The requested availability zone is not available", field="availability_zone")
    if wish.forced_host and nodes.of_host(tx, wish.forced_host) is None:
        raise Invalid(f"Compute host {wish.forced_host} could not be found.", field="host")


def zones(compute: Compute, tx: Tx) -> set[str]:
    """The availability zones that have a host."""
    named = aggregates.zones(tx)
    return {named.get(node.host, compute.default_zone) for node in nodes.all_nodes(tx)}


def _count(compute: Compute, tx: Tx, context: Context, wish: NewServers, flavor: Flavor) -> int:
    """As many as wanted, or as the quota has room for, but never fewer than ``min_count``: then the
    quota says no.
    """
    if wish.max_count > MAX_SERVERS:
        raise Invalid(f"max_count is at most {MAX_SERVERS}.", field="max_count")
    if wish.max_count == wish.min_count:
        return wish.max_count
    limits, used = quotas.limits(tx, context.owner, compute.quota), quotas.usage(tx, context.owner)
    room = wish.max_count
    for resource, each in (("instances", 1), ("cores", flavor.vcpus), ("ram", flavor.ram_mb)):
        if limits[resource] >= 0 and each:
            room = min(room, (limits[resource] - used.get(resource, 0)) // each)
    return max(room, wish.min_count)


def _networks(compute: Compute, tx: Tx, context: Context, wish: NewServers) -> tuple[NetworkRequest, ...]:
    if isinstance(wish.networks, tuple):
        return wish.networks
    if wish.networks is NetworkWish.NONE:
        return ()
    found = compute.network.default_networks(tx, context)
    if len(found) > 1:
        raise Conflict("Multiple possible networks found, use a Network ID to be more specific.")
    if not found and wish.networks is NetworkWish.AUTO:
        try:
            found = (compute.network.automatic_network(tx, context),)
        except Conflict as error:
            words = f"Unable to automatically allocate a network for project {context.owner}: {error.message}"
            raise Invalid(words, field="networks") from error
    return tuple(NetworkRequest(network_id=item.id) for item in found)


@contextmanager
def _named_by_the_request() -> Iterator[None]:
    """What the body names and is not there is the body's fault (400), not a missing URL (404)."""
    try:
        yield
    except NotFound as error:
        raise Invalid(error.message, **error.details) from error


def with_zone(wish: NewServers, text: str | None, may_force: bool) -> NewServers:
    """Reads ``zone``, ``zone:host`` or ``zone:host:node``; naming a host is a right of its own. Raises
    Forbidden.
    """
    if not text:
        return wish
    zone, _, rest = text.partition(":")
    host, _, node = rest.partition(":")
    if (host or node) and not may_force:
        raise Forbidden("Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.")
    return replace(wish, availability_zone=zone or None, forced_host=host or node or wish.forced_host)
