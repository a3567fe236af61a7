"""Resize, cold and live migration, evacuation: what is asked for is checked, and written in one transaction."""

from __future__ import annotations

from typing import Any

from iaas.compute import servers, work
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import operations, quotas, services
from iaas.db.compute import flavors, migrations, nodes
from iaas.db.compute import servers as rows
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound
from iaas.model.flavor import Flavor
from iaas.model.placement import COLD, EVACUATION, LIVE, RESIZE
from iaas.model.server import Server, Task, counted

COMPUTE = "iaas-compute"
MOVE_DEADLINE_S = 4 * 3600  # a large disk over a slow network; a host that dies meanwhile is noticed at once


def resize(compute: Compute, context: Context, server_id: str, flavor_id: str) -> None:
    """Raises NotFound; Invalid for the same, an unknown or a smaller-disked flavor; Conflict; QuotaExceeded."""

    def write(tx: Tx) -> None:
        server = _mine(tx, context, server_id)
        flavor = _flavor(tx, context, server, flavor_id)
        _check_disks(server, flavor)
        before, after = server.counted, counted(server.flavor, flavor)
        quotas.take(tx, server.project_id, {name: after[name] - before[name] for name in after}, compute.quota)
        fence = rows.begin(tx, server, "resize", new_flavor=rows.frozen_flavor(flavor), origin_state=server.state)
        operation_id = _queue(compute, tx, context, "server.resize", server, fence)
        migrations.insert(tx, server, context.user_id or "", operation_id, RESIZE, "pre-migrating",
                          new_flavor_id=flavor.id)  # fmt: skip

    compute.database.run(write)


def migrate(compute: Compute, context: Context, server_id: str, host: str | None = None) -> None:
    """Cold. ``host``: None for any other. Raises NotFound; Invalid for an unknown host or its own; Conflict."""

    def write(tx: Tx) -> None:
        server = _mine(tx, context, server_id)
        _check_host(tx, server, host)
        fence = rows.begin(tx, server, "resize", origin_state=server.state)
        operation_id = _queue(compute, tx, context, "server.migrate", server, fence, host)
        migrations.insert(tx, server, context.user_id or "", operation_id, COLD, "pre-migrating", dest_host=host)

    compute.database.run(write)


def live_migrate(
    compute: Compute, context: Context, server_id: str, host: str | None = None, disks: bool = True
) -> None:
    """``disks``: local disks may go along; there is no storage that hosts share. Raises NotFound; Invalid for an
    unknown host, its own, or disks that may not move; Conflict."""

    def write(tx: Tx) -> None:
        server = _mine(tx, context, server_id)
        _check_host(tx, server, host)
        if not disks and server.image_id:
            raise Invalid(
                f"{server_id} is not on shared storage: its disks can only go along with it (block migration).",
                field="block_migration",
            )
        fence = rows.begin(tx, server, "live_migrate")
        operation_id = _queue(compute, tx, context, "server.live-migration", server, fence, host)
        migrations.insert(tx, server, context.user_id or "", operation_id, LIVE, "queued", dest_host=host)

    compute.database.run(write)


def evacuate(compute: Compute, context: Context, server_id: str, host: str | None = None) -> None:
    """Away from a host that is down, whatever was under way. The old guest is fenced before the new one is built.
    Raises NotFound, also for the destination; Invalid while the server's host is up, or for that host itself; Conflict.
    """

    def write(tx: Tx) -> None:
        server = _mine(tx, context, server_id)
        if host is not None and nodes.of_host(tx, host) is None:
            raise NotFound(f"Compute host {host} not found.")
        if host is not None and host == server.host:
            raise Invalid("The target host can't be the same one.", field="host")
        service = services.find(tx, COMPUTE, server.host) if server.host else None
        if service is not None and service.is_up(services.judgement_time(tx)):
            raise Invalid(f"Compute service of {server.host} is still in use.", field="host")
        origin = server.state if server.task is not Task.EVACUATING else server.origin_state
        operations.supersede(tx, "server", server_id)
        migrations.abandon(tx, server_id)
        before, after = server.counted, counted(server.flavor)
        quotas.give(tx, server.project_id, {name: before[name] - after[name] for name in after})
        fence = rows.begin(tx, server, "evacuate", origin_state=origin, new_flavor=None)
        operation_id = _queue(compute, tx, context, "server.evacuate", server, fence, host)
        migrations.insert(tx, server, context.user_id or "", operation_id, EVACUATION, "accepted", dest_host=host)

    compute.database.run(write)


def confirm(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than resized."""
    _end(compute, context, server_id, "confirm_resize", "server.confirmResize", "confirming")


def revert(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than resized."""
    _end(compute, context, server_id, "revert_resize", "server.revertResize", "reverting")


def forget(tx: Tx, server: Server) -> None:
    """The server stays where it is and as it is, whatever move it was in: other hosts have to let go of it (R3), its
    quota and claims are those of its flavor. For an administrator's word on the state."""
    migrations.abandon(tx, server.id)
    flavor = server.flavor
    nodes.settle(tx, server.id, server.host, server.claims())
    before, after = server.counted, counted(flavor)
    quotas.give(tx, server.project_id, {name: before[name] - after[name] for name in after})
    rows.change(tx, server.id, {"new_flavor": None, "old_flavor": None, "old_host": None, "old_node": None})


def _end(compute: Compute, context: Context, server_id: str, event: str, kind: str, status: str) -> None:
    def write(tx: Tx) -> None:
        server = _mine(tx, context, server_id)
        fence = rows.begin(tx, server, event)
        work.queue(compute, tx, context, kind, server_id, fence, deadline=False)
        migrations.change_latest(tx, server_id, (RESIZE, COLD), {"status": status})

    compute.database.run(write)


def _mine(tx: Tx, context: Context, server_id: str) -> Server:
    server = servers.get(tx, context, server_id)
    servers.check_unlocked(context, server)
    return server


def _queue(
    compute: Compute, tx: Tx, context: Context, kind: str, server: Server, fence: int, host: str | None = None
) -> str:
    params: dict[str, Any] = {"forced_host": host} if host else {}
    return work.queue(compute, tx, context, kind, server.id, fence, params, deadline_s=MOVE_DEADLINE_S)


def _flavor(tx: Tx, context: Context, server: Server, flavor_id: str) -> Flavor:
    try:
        flavor = flavors.get(tx, flavor_id, None if context.is_admin else context.owner)
    except NotFound as error:
        raise Invalid(error.message, field="flavorRef") from error
    if flavor.disabled:
        raise Invalid(f"Flavor {flavor_id} could not be found.", field="flavorRef")
    if flavor.id == server.flavor.id:
        raise Invalid("When resizing, instances must change flavor!", field="flavorRef")
    return flavor


def _check_disks(server: Server, flavor: Flavor) -> None:
    """Disks only grow: what would be cut off is the guest's data (A-069)."""
    old = server.flavor
    root = bool(server.image_id) and flavor.disk_gb < old.disk_gb
    if root or flavor.ephemeral_gb < old.ephemeral_gb:
        raise Invalid(
            "Server disk was unable to be resized because: the flavor's disks are smaller than the server's.",
            field="flavorRef",
        )


def _check_host(tx: Tx, server: Server, host: str | None) -> None:
    if host is None:
        return
    if nodes.of_host(tx, host) is None:
        raise Invalid(f"Compute host {host} could not be found.", field="host")
    if host == server.host:
        raise Invalid(f"Unable to migrate instance ({server.id}) to current host ({host}).", field="host")
