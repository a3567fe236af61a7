"""The records of moves as administrators see them, and what can be done to a live migration that is under way."""

from __future__ import annotations

from collections.abc import Sequence

from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.compute import migrations
from iaas.db.compute.migrations import Wanted
from iaas.db.engine import Tx
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.placement import LIVE, UNDER_WAY, Migration
from iaas.model.server import Server, Task

EARLY = ("accepted", "queued", "preparing")  # nothing has left its host yet


def page(compute: Compute, wanted: Wanted, limit: int, marker: str | None) -> Sequence[Migration]:
    """Raises NotFound for an unknown marker."""
    with compute.database.read() as tx:
        return migrations.page(tx, wanted, limit, marker)


def of_server(compute: Compute, context: Context, server_id: str) -> Sequence[Migration]:
    """The server's live migrations that are under way. Raises NotFound."""
    with compute.database.read() as tx:
        servers.get(tx, context, server_id)
        return migrations.of_server(tx, server_id, LIVE, UNDER_WAY)


def show(compute: Compute, context: Context, server_id: str, migration_id: int) -> Migration:
    """Raises NotFound, also for a migration that is over, or no live one."""
    with compute.database.read() as tx:
        servers.get(tx, context, server_id)
        return _under_way(tx, server_id, migration_id)


def abort(compute: Compute, context: Context, server_id: str, migration_id: int, early: bool) -> None:
    """The guest stays where it is. ``early``: also before it has begun to leave. Raises NotFound; Invalid for a
    migration in another state; Conflict while none is under way."""

    def write(tx: Tx) -> tuple[Server, Migration]:
        server, found = _migrating(tx, context, server_id, migration_id)
        allowed = ("running", *(EARLY if early else ()))
        if found.status not in allowed:
            raise Invalid(f"Migration {migration_id} state of instance {server_id} is {found.status}. "
                          f"Cannot abort while the migration is in this state.")  # fmt: skip
        migrations.change(tx, found.operation_id, {"status": "aborting"})
        return server, found

    server, found = compute.database.run(write)
    if found.status == "running":  # before that the flow sees it by itself
        compute.hosts.abort_migration(server.host or "", server_id)


def hasten(compute: Compute, context: Context, server_id: str, migration_id: int) -> None:
    """The guest stands still until it has arrived. Raises NotFound; Invalid; Conflict."""
    with compute.database.read() as tx:
        server, found = _migrating(tx, context, server_id, migration_id)
    if found.status != "running":
        raise Invalid(f"Migration {migration_id} state of instance {server_id} is {found.status}. "
                      f"Cannot force_complete while the migration is in this state.")  # fmt: skip
    compute.hosts.hasten_migration(server.host or "", server_id)


def _migrating(tx: Tx, context: Context, server_id: str, migration_id: int) -> tuple[Server, Migration]:
    server = servers.get(tx, context, server_id)
    if server.task is not Task.MIGRATING:
        task = server.task.value if server.task else None
        raise Conflict(f"Instance {server_id} is in task_state {task}: it is not being migrated.")
    return server, _under_way(tx, server_id, migration_id)


def _under_way(tx: Tx, server_id: str, migration_id: int) -> Migration:
    for found in migrations.of_server(tx, server_id, LIVE, UNDER_WAY):
        if found.id == migration_id:
            return found
    raise NotFound(f"Live migration {migration_id} for server {server_id} is not in progress.")
