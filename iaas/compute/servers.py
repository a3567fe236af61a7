"""Servers: looking them up with what belongs to their view, changing what is not their life, tags and
metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import services
from iaas.db.compute import aggregates, server_lists, servers, tags
from iaas.db.compute.server_lists import Wanted
from iaas.db.engine import Tx
from iaas.errors import Conflict, Invalid, NotFound, QuotaExceeded
from iaas.model.network import Address
from iaas.model.server import Server
from iaas.model.service import Service
from iaas.model.volume import Attachment

MAX_TAGS = 50


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is shown of servers beside their rows; every mapping is by server id, but ``zones`` and
    ``services``, which are by host. Read in a constant number of queries, however many servers there
    are."""

    addresses: Mapping[str, Sequence[Address]] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    volumes: Mapping[str, Sequence[Attachment]] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    now: Any = None


def visible(context: Context) -> str | None:
    """The project that look-ups are limited to; None for an administrator."""
    return None if context.is_admin else context.owner


def get(tx: Tx, context: Context, server_id: str, deleted: bool = False) -> Server:
    """Raises NotFound, for a foreign server as for one that never was (S-053)."""
    return servers.get(tx, server_id, visible(context), deleted)


def show(compute: Compute, context: Context, server_id: str) -> tuple[Server, Details]:
    with compute.database.read() as tx:
        server = get(tx, context, server_id)
        return server, details(compute, tx, [server])


def page(
    compute: Compute,
    wanted: Wanted,
    limit: int,
    marker: str | None,
    sort: Sequence[tuple[str, str]],
    address: str | None = None,
) -> tuple[list[Server], Details]:
    """``address``: the start of an IP address that the servers must have."""
    with compute.database.read() as tx:
        if address is not None:
            ids = compute.network.servers_with_address(tx, wanted.project_id, address)
            wanted = Wanted(**{**vars(wanted), "ids": ids})
        found = server_lists.page(tx, wanted, limit, marker, sort)
        return found, details(compute, tx, found)


def details(compute: Compute, tx: Tx, found: Sequence[Server]) -> Details:
    if not found:
        return Details(now=tx.now())
    ids = [server.id for server in found]
    hosts = {server.host for server in found if server.host}
    zones = aggregates.zones(tx) if hosts else {}
    return Details(
        addresses=compute.network.addresses(tx, ids),
        groups=compute.network.group_names(tx, ids),
        tags=tags.of_servers(tx, ids),
        volumes=compute.volume.of_servers(tx, ids),
        zones={host: zones.get(host, compute.default_zone) for host in hosts},
        services={item.host: item for item in services.all_of(tx, "iaas-compute")} if hosts else {},
        now=tx.now(),
    )


def check_unlocked(context: Context, server: Server) -> None:
    """Raises Conflict when the server is locked, unless the caller is an administrator."""
    if server.locked and not context.is_admin:
        raise Conflict(f"Instance {server.id} is locked", resource="server", id=server.id)


def update(compute: Compute, context: Context, server_id: str, values: Mapping[str, Any]) -> None:
    """Writes name and description."""

    def write(tx: Tx) -> None:
        get(tx, context, server_id)
        if values:
            servers.change(tx, server_id, values)

    compute.database.run(write)


def change_metadata(
    compute: Compute, context: Context, server_id: str, change: Callable[[dict[str, str]], dict[str, str]]
) -> dict[str, str]:
    """Replaces the metadata by what ``change`` makes of it; the total is limited (S-120). Raises
    Conflict when locked.
    """

    def write(tx: Tx) -> dict[str, str]:
        server = get(tx, context, server_id)
        check_unlocked(context, server)
        changed = change(dict(server.metadata))
        limit = compute.quota["metadata_items"]
        if len(changed) > max(limit, len(server.metadata)) or len(changed) > limit > len(server.metadata):
            raise QuotaExceeded(f"Maximum number of metadata items exceeds {limit}")
        servers.change(tx, server_id, {"metadata": changed})
        return changed

    return compute.database.run(write)


def metadata(compute: Compute, context: Context, server_id: str) -> dict[str, str]:
    with compute.database.read() as tx:
        return dict(get(tx, context, server_id).metadata)


def tags_of(compute: Compute, context: Context, server_id: str) -> list[str]:
    with compute.database.read() as tx:
        get(tx, context, server_id)
        return tags.of_servers(tx, [server_id]).get(server_id, [])


def replace_tags(
    compute: Compute, context: Context, server_id: str, change: Callable[[list[str]], Sequence[str]]
) -> list[str]:
    """Sets the tags to what ``change`` makes of the present ones. Raises Invalid over 50, Conflict when
    locked.
    """

    def write(tx: Tx) -> list[str]:
        check_unlocked(context, get(tx, context, server_id))
        wanted = sorted(set(change(tags.of_servers(tx, [server_id]).get(server_id, []))))
        if len(wanted) > MAX_TAGS:
            raise Invalid(f"The number of tags exceeded the per-server limit {MAX_TAGS}", field="tags")
        tags.replace(tx, server_id, wanted)
        return wanted

    return compute.database.run(write)


def remove_tag(compute: Compute, context: Context, server_id: str, tag: str) -> None:
    def write(tx: Tx) -> None:
        check_unlocked(context, get(tx, context, server_id))
        if not tags.remove(tx, server_id, tag):
            raise NotFound(f"Server {server_id} has no tag '{tag}'")

    compute.database.run(write)
