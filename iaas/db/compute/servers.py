"""Server rows: insert, look up, and the verbs of the state machine, each one compare-and-swap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db import machine, operations
from iaas.db.engine import Tx
from iaas.db.schema.compute import servers
from iaas.errors import NotFound
from iaas.model.flavor import Flavor
from iaas.model.order import Power
from iaas.model.server import SERVER, YIELDING, Server, State, Task

SELECT = sa.select(*(servers.c[item.name] for item in fields(Server)))


def value(row: sa.Row[Any]) -> Server:
    """The value of a row selected with SELECT."""
    columns = dict(row._mapping)
    columns["state"] = State(columns["state"])
    columns["task"] = Task(columns["task"]) if columns["task"] else None
    columns["power"] = Power(columns["power"])
    columns["flavor"] = Flavor(**columns["flavor"])
    for name in ("old_flavor", "new_flavor"):
        columns[name] = Flavor(**columns[name]) if columns[name] else None
    columns["origin_state"] = State(columns["origin_state"]) if columns["origin_state"] else None
    return Server(**columns)


def frozen_flavor(flavor: Flavor) -> dict[str, Any]:
    """A flavor as it is kept in the server's row."""
    return {name: item for name, item in asdict(flavor).items() if name != "created_at"}


def insert(tx: Tx, values: Mapping[str, Any]) -> None:
    """Inserts a server that is to be built; ``values`` are columns, ``flavor`` a Flavor."""
    now = tx.now()
    row = {
        "state": State.BUILDING, "task": Task.SCHEDULING, "power": Power.NONE, "fence": 1, "version": 0,
        "created_at": now, "updated_at": now, "metadata": {},
    }  # fmt: skip
    tx.insert(servers, {**row, **values, "flavor": frozen_flavor(values["flavor"])})


def get(tx: Tx, server_id: str, project_id: str | None = None, deleted: bool = False) -> Server:
    """The server, if it is the project's (None: anybody's). A deleted one only when asked for. Raises NotFound."""
    query = SELECT.where(servers.c.id == server_id)
    if project_id is not None:
        query = query.where(servers.c.project_id == project_id)
    if not deleted:
        query = query.where(servers.c.deleted_at.is_(None))
    row = tx.first(query)
    if row is None:
        raise NotFound(f"Instance {server_id} could not be found.", resource="server", id=server_id)
    return value(row)


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """The part of a server that is compared with its guest, every two seconds."""

    id: str
    state: State
    task: str | None
    power: Power
    version: int
    fence: int


def glimpses(tx: Tx, host: str) -> dict[str, Glimpse]:
    """By id, of the servers of the host: narrow, because there may be many and it is asked often."""
    c = servers.c
    rows = tx.all(
        sa.select(c.id, c.state, c.task, c.power, c.version, c.fence).where(c.host == host, c.deleted_at.is_(None))
    )
    return {
        row.id: Glimpse(
            id=row.id,
            state=State(row.state),
            task=row.task,
            power=Power(row.power),
            version=row.version,
            fence=row.fence,
        )
        for row in rows
    }


def inhabited(tx: Tx, hosts: Sequence[str]) -> bool:
    """Whether any of the hosts has a server."""
    return (
        tx.first(sa.select(servers.c.id).where(servers.c.host.in_(hosts), servers.c.deleted_at.is_(None))) is not None
    )


def zones_asked_for(tx: Tx, host: str) -> set[str]:
    """The zones that the servers of the host were asked for in."""
    c = servers.c
    mine = (c.host == host) & c.deleted_at.is_(None) & c.availability_zone.is_not(None)
    return {row.availability_zone for row in tx.all(sa.select(c.availability_zone).where(mine).distinct())}


def names_by_host(tx: Tx) -> dict[str, list[tuple[str, str]]]:
    """Host -> (id, name) of its servers. One query."""
    c = servers.c
    query = sa.select(c.host, c.id, c.name).where(c.host.is_not(None), c.deleted_at.is_(None))
    found: dict[str, list[tuple[str, str]]] = {}
    for row in tx.all(query.order_by(c.created_at, c.id)):
        found.setdefault(row.host, []).append((row.id, row.name))
    return found


def idle_since(tx: Tx, state: State, moment: datetime, limit: int = 100) -> list[Server]:
    """Servers in the state, with nothing under way, whose rows have not changed since; the oldest first."""
    idle = (servers.c.state == state, servers.c.task.is_(None), servers.c.updated_at <= moment)
    query = SELECT.where(*idle, servers.c.deleted_at.is_(None)).order_by(servers.c.updated_at).limit(limit)
    return [value(row) for row in tx.all(query)]


def by_ids(tx: Tx, server_ids: Sequence[str]) -> dict[str, Server]:
    """Also the deleted ones; ids that never were are absent."""
    if not server_ids:
        return {}
    rows = tx.all(SELECT.where(servers.c.id.in_(server_ids)))
    return {row.id: value(row) for row in rows}


def begin(tx: Tx, server: Server, event: str, **values: Any) -> int:
    """Starts an event and raises the fence; gives the new fence for the operation. What yields is sent back to wait
    for its next turn. Raises Conflict."""
    fence = server.fence + 1
    same = servers.c.fence == server.fence
    machine.begin(tx, servers, server.id, SERVER, event, where=same, values={**values, "fence": fence})
    if server.task in YIELDING:
        operations.send_back(tx, "server", server.id)
    return fence


def finish(tx: Tx, server_id: str, event: str, **values: Any) -> None:
    machine.finish(tx, servers, server_id, SERVER, event, values=values)


def fail(tx: Tx, server_id: str, event: str, **values: Any) -> None:
    machine.fail(tx, servers, server_id, SERVER, event, values=values)


def spawn_on(tx: Tx, server: Server, host: str, node: str) -> None:
    """Scheduling is over: the server is this host's from now on, and is being spawned."""
    if server.task is Task.SCHEDULING:
        machine.finish(tx, servers, server.id, SERVER, "schedule")
        machine.begin(tx, servers, server.id, SERVER, "spawn", values={"host": host, "node": node})
    else:  # another round after a failed host
        change(tx, server.id, {"host": host, "node": node})


def raise_fence(tx: Tx, server_id: str) -> int:
    """A dead worker's operation was taken over: what it still has in flight must be refused. Gives the fence."""
    tx.update(servers, servers.c.id == server_id, {"fence": servers.c.fence + 1})
    return int(tx.scalar(sa.select(servers.c.fence).where(servers.c.id == server_id)))


def change(tx: Tx, server_id: str, values: Mapping[str, Any]) -> None:
    """Writes columns that are not part of the state machine. Raises NotFound."""
    changes = {**values, "updated_at": tx.now(), "version": servers.c.version + 1}
    if not tx.update(servers, servers.c.id == server_id, changes):
        raise NotFound.of("server", server_id)


def observe(tx: Tx, server: Server | Glimpse, state: State, power: Power) -> bool:
    """Writes what a host saw, unless the server has moved on since it was read; True when it was written."""
    unmoved = (servers.c.id == server.id) & (servers.c.version == server.version) & servers.c.task.is_(None)
    changes = {"state": state, "power": power, "updated_at": tx.now(), "version": servers.c.version + 1}
    return tx.update(servers, unmoved, changes) == 1
