"""Power, delete, lock and reset: each one transaction of a change of state and an operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.compute import servers, work
from iaas.compute.moving import moves
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.compute import servers as rows
from iaas.db.engine import TryAgain, Tx
from iaas.errors import Conflict, Forbidden
from iaas.model.server import Server, State, Task


def stop(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than active or error, or when locked."""
    order(compute, context, server_id, "stop", "server.stop")


def start(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than stopped, or when locked."""
    order(compute, context, server_id, "start", "server.start")


def reboot(compute: Compute, context: Context, server_id: str, kind: str) -> None:
    """``kind``: SOFT or HARD. Raises NotFound and Conflict."""
    event = "reboot_hard" if kind == "HARD" else "reboot"
    order(compute, context, server_id, event, "server.reboot", {"type": kind})


def pause(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than active, or when locked."""
    order(compute, context, server_id, "pause", "server.pause")


def unpause(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than paused, or when locked."""
    order(compute, context, server_id, "unpause", "server.unpause")


def suspend(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than active, or when locked."""
    order(compute, context, server_id, "suspend", "server.suspend")


def resume(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than suspended, or when locked."""
    order(compute, context, server_id, "resume", "server.resume")


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
    work.supersede(compute, tx, server_id, everything=True)
    if server.shelved_image_id:
        compute.image.discard(tx, server.shelved_image_id)
    try:
        fence = rows.begin(tx, server, "delete")
    except Conflict as error:  # it changed between the look and the write: look again
        raise TryAgain("The server was changed at the same time.") from error
    work.queue(compute, tx, context, "server.delete", server_id, fence, deadline=False)


def order(
    compute: Compute, context: Context, server_id: str, event: str, kind: str,
    params: Mapping[str, Any] | None = None, **values: Any,
) -> None:  # fmt: skip
    """Begins the event, with ``values`` for columns of the server, and queues its operation. Raises NotFound; Conflict
    when the state or a lock forbids it, or the server is on no host.
    """

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        begin(compute, tx, context, server, event, kind, params, **values)

    compute.database.run(write)


def begin(
    compute: Compute, tx: Tx, context: Context, server: Server, event: str, kind: str,
    params: Mapping[str, Any] | None = None, *, deadline: bool = True, deadline_s: int | None = None,
    on_host: bool = True, **values: Any,
) -> str:  # fmt: skip
    """As ``order``, in the caller's transaction, on a server that it read there; gives the operation's id.
    ``deadline`` and ``deadline_s``: as in work.queue; ``on_host`` False: also of a server that is on none.
    """
    servers.check_unlocked(context, server)
    fence = rows.begin(tx, server, event, **values)
    if on_host and server.host is None:
        raise Conflict(f"Instance {server.id} is not ready", resource="server", id=server.id)
    if server.task is not None:  # the event took over from what was under way
        work.supersede(compute, tx, server.id)
    return work.queue(compute, tx, context, kind, server.id, fence, dict(params or {}), deadline, deadline_s)


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
        work.supersede(compute, tx, server_id)
        moves.forget(tx, server)
        rows.change(tx, server_id, {"state": state, "task": None, "fence": server.fence + 1})

    compute.database.run(write)
