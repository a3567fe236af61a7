"""Security groups of a server: joined and left by all its ports at once, as the compute API has it."""

from __future__ import annotations

from collections.abc import Callable

from iaas.db.engine import Tx
from iaas.db.network import ports as ports_db
from iaas.db.network import security_groups as groups_db
from iaas.errors import Conflict, Invalid, NotFound
from iaas.model.port import Port
from iaas.network import doorbells
from iaas.network.settings import Settings


def join(tx: Tx, settings: Settings, project_id: str, server_id: str, name: str) -> None:
    """``name``: of a group of the project, or its id. Ports without port security or addresses can't join.

    Raises NotFound for the group, Conflict for an ambiguous name, Invalid when no port of the server can join.
    """
    group_id = _group(tx, project_id, name)
    able = [port for port in ports_db.of_server(tx, server_id) if port.port_security and port.fixed_ips]
    if not able:
        raise Invalid(f"Security group {group_id} can't be applied: no port of the server takes one.")
    _change(tx, settings, [port for port in able if group_id not in port.groups], lambda had: (*had, group_id))


def leave(tx: Tx, settings: Settings, project_id: str, server_id: str, name: str) -> None:
    """Raises NotFound for the group, also when no port of the server is in it; Conflict for an ambiguous name."""
    group_id = _group(tx, project_id, name)
    members = [port for port in ports_db.of_server(tx, server_id) if group_id in port.groups]
    if not members:
        raise NotFound(f"Security group {name[:255]} not associated with the instance {server_id}")
    _change(tx, settings, members, lambda had: tuple(id for id in had if id != group_id))


def _group(tx: Tx, project_id: str, name: str) -> str:
    found = groups_db.ids_by_name(tx, project_id, [name]).get(name, [])
    if len(found) > 1:
        raise Conflict(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    if not found:
        raise NotFound(f"Security group {name[:255]} not found for project {project_id}.")
    return found[0]


def _change(
    tx: Tx, settings: Settings, ports: list[Port], groups: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> None:
    for port in ports:
        ports_db.update(tx, port.id, {})  # locks the row: two changes at once must not undo each other
        before = ports_db.get(tx, port.id)
        ports_db.set_groups(tx, port.id, groups(before.groups))
        doorbells.ports_changed(tx, settings, [before, ports_db.get(tx, port.id)])
