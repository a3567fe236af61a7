"""Stop, start, reboot, delete, lock and reset: each one transaction of a change of state and an operation."""

from __future__ import annotations

from iaas.compute import servers, work
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import operations
from iaas.db.compute import servers as rows
from iaas.db.engine import TryAgain, Tx
from iaas.errors import Conflict, Forbidden
from iaas.model.server import Server, State, Task


def stop(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than active, or when locked."""
    _order(compute, context, server_id, "stop", "server.stop")


def start(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than stopped, or when locked."""
    _order(compute, context, server_id, "start", "server.start")


def reboot(compute: Compute, context: Context, server_id: str, kind: str) -> None:
    """``kind``: SOFT or HARD. Raises NotFound and Conflict."""
    event = "reboot_hard" if kind == "HARD" else "reboot"
    _order(compute, context, server_id, event, "server.reboot", {"type": kind})


def delete(compute: Compute, context: Context, server_id: str) -> None:
    """Takes over from whatever is under way; a server that is being deleted stays as it is. Raises
    NotFound.
    """
    compute.database.run(lambda tx: _delete(compute, tx, context, server_id))


def _delete(compute: Compute, tx: Tx, context: Context, server_id: str) -> None:
    server = servers.get(tx, context, server_id)
    if server.task is Task.DELETING:
        return
    servers.check_unlocked(context, server)
    operations.supersede(tx, "server", server_id, everything=True)
    try:
        fence = rows.begin(tx, server, "delete")
    except Conflict as error:  # it changed between the look and the write: look again
        raise TryAgain("The server was changed at the same time.") from error
    work.queue(compute, tx, context, "server.delete", server_id, fence, deadline=False)


def _order(
    compute: Compute, context: Context, server_id: str, event: str, kind: str, params: dict[str, str] | None = None
) -> None:
    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        servers.check_unlocked(context, server)
        fence = rows.begin(tx, server, event)
        if server.task is not None:  # the event took over from what was under way
            operations.supersede(tx, "server", server_id)
        work.queue(compute, tx, context, kind, server_id, fence, dict(params or {}))

    compute.database.run(write)


def lock(compute: Compute, context: Context, server_id: str, reason: str | None = None) -> None:
    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        if server.locked_by == "admin" and not context.is_admin:
            raise Conflict(f"Instance {server_id} is locked", resource="server", id=server_id)
        owner = "owner" if server.project_id == context.project_id else "admin"
        rows.change(tx, server_id, {"locked": True, "locked_reason": reason, "locked_by": owner})

    compute.database.run(write)


def unlock(compute: Compute, context: Context, server_id: str, override: bool) -> None:
    """``override``: the caller may open an administrator's lock. Raises Forbidden without it."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        if server.locked_by == "admin" and not override:
            raise Forbidden(
                "Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override to be performed."
            )
        rows.change(tx, server_id, {"locked": False, "locked_reason": None, "locked_by": None})

    compute.database.run(write)


def reset_state(compute: Compute, context: Context, server_id: str, state: State) -> None:
    """An administrator's word on the state: whatever is under way ends, and its orders become stale."""

    def write(tx: Tx) -> None:
        server: Server = servers.get(tx, context, server_id)
        operations.supersede(tx, "server", server_id)
        rows.change(tx, server_id, {"state": state, "task": None, "fence": server.fence + 1})

    compute.database.run(write)
