"""The security groups that a server's ports are in: shown, joined, left."""

from __future__ import annotations

from collections.abc import Mapping

from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.model.security_group import SecurityGroup


def of_server(
    compute: Compute, context: Context, server_id: str
) -> tuple[tuple[SecurityGroup, ...], Mapping[str, SecurityGroup]]:
    """By name; and by id the groups that their rules refer to. Raises NotFound."""
    with compute.database.read() as tx:
        servers.get(tx, context, server_id)
        found = compute.network.security_groups(tx, server_id)
        named = {rule.remote_group_id for group in found for rule in group.rules if rule.remote_group_id}
        return found, compute.network.groups_by_id(tx, sorted(named))


def add(compute: Compute, context: Context, server_id: str, name: str) -> None:
    """``name``: or id, of a group of the server's project. Raises NotFound, Conflict, Invalid."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        compute.network.add_group(tx, server.project_id, server_id, name)

    compute.database.run(write)


def remove(compute: Compute, context: Context, server_id: str, name: str) -> None:
    """Raises NotFound, Conflict."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        compute.network.remove_group(tx, server.project_id, server_id, name)

    compute.database.run(write)
