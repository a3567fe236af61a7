"""Security group rows; the default group of a project exists once, by a unique column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import TryAgain, Tx
from iaas.db.network import security_group_rules as rules_db
from iaas.db.network import tags
from iaas.db.network.listing import Query, Special, claim, mine, page
from iaas.db.schema.network import port_groups, security_group_rules, security_groups
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.security_group import DEFAULT_GROUP, SecurityGroup

FIELDS: dict[str, sa.Column[Any]] = {
    "id": security_groups.c.id,
    "name": security_groups.c.name,
    "project_id": security_groups.c.project_id,
    "tenant_id": security_groups.c.project_id,
    "description": security_groups.c.description,
    "revision_number": security_groups.c.revision,
    "created_at": security_groups.c.created_at,
    "updated_at": security_groups.c.updated_at,
}


def _constant(value: bool) -> Special:
    """A filter on an attribute that is the same in every group."""
    word = str(value).lower()
    return lambda values: sa.true() if word in [item.lower() for item in values] else sa.false()


_SPECIAL: dict[str, Special] = {"shared": _constant(False), "stateful": _constant(True)}


def missing(id: str) -> NotFound:
    return NotFound(
        f"Security group {id} does not exist", resource="security_group", id=id, code="SecurityGroupNotFound"
    )


def insert(tx: Tx, project_id: str, name: str, description: str) -> str:
    now, id = tx.now(), new_uuid()
    values = {"id": id, "project_id": project_id, "name": name, "description": description}
    tx.insert(security_groups, {**values, "revision": 1, "created_at": now, "updated_at": now})
    return id


def default_id(tx: Tx, project_id: str) -> str | None:
    found: str | None = tx.scalar(sa.select(security_groups.c.id).where(security_groups.c.default_of == project_id))
    return found


def insert_default(tx: Tx, project_id: str) -> str | None:
    """Inserts the project's default group; None when another request has just done it."""
    now, id = tx.now(), new_uuid()
    values = {"id": id, "project_id": project_id, "name": DEFAULT_GROUP, "description": "Default security group"}
    stamps = {"revision": 1, "created_at": now, "updated_at": now}
    return id if claim(tx, security_groups, {**values, **stamps, "default_of": project_id}) else None


def get(tx: Tx, id: str, context: Context | None = None) -> SecurityGroup:
    """The group with its rules, if it is the caller's (None: anybody's). Raises NotFound."""
    condition = mine(security_groups, context) if context else sa.true()
    row = tx.first(sa.select(security_groups).where(security_groups.c.id == id, condition))
    if row is None:
        raise missing(id)
    return values_of(tx, [row])[0]


def by_ids(tx: Tx, ids: Sequence[str]) -> list[SecurityGroup]:
    """In the order of the ids; unknown ones are left out."""
    rows = tx.all(sa.select(security_groups).where(security_groups.c.id.in_(ids)))
    found = {group.id: group for group in values_of(tx, rows)}
    return [found[id] for id in ids if id in found]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[SecurityGroup], bool]:
    rows, more = page(tx, security_groups, FIELDS, query, mine(security_groups, context), _SPECIAL)
    return values_of(tx, rows), more


def ids_of(tx: Tx, context: Context, ids: Iterable[str]) -> set[str]:
    """Which of the ids are the caller's to use."""
    wanted = security_groups.c.id.in_(sorted(set(ids)))
    rows = tx.all(sa.select(security_groups.c.id).where(wanted, mine(security_groups, context)))
    return {row.id for row in rows}


def ids_by_name(tx: Tx, project_id: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Name or id -> ids of the project's groups so called."""
    wanted = sorted(set(names))
    either = security_groups.c.name.in_(wanted) | security_groups.c.id.in_(wanted)
    query = sa.select(security_groups.c.id, security_groups.c.name)
    found: dict[str, list[str]] = {}
    for row in tx.all(query.where(security_groups.c.project_id == project_id, either)):
        found.setdefault(row.name, []).append(row.id)
        found[row.id] = [row.id]
    return found


def update(tx: Tx, id: str, values: Mapping[str, Any]) -> None:
    """Changes columns and counts the revision up. Raises NotFound."""
    changed = {**values, "revision": security_groups.c.revision + 1, "updated_at": tx.now()}
    if not tx.update(security_groups, security_groups.c.id == id, changed):
        raise missing(id)


def in_use(tx: Tx, id: str) -> bool:
    return tx.scalar(sa.select(port_groups.c.port_id).where(port_groups.c.group_id == id).limit(1)) is not None


def delete(tx: Tx, id: str) -> dict[str, int]:
    """Deletes the group, its rules and the rules that name it as remote; project -> number of rules that went.

    A port that joins meanwhile makes the database refuse (Conflict).
    """
    rules = security_group_rules
    gone = (rules.c.group_id == id) | (rules.c.remote_group_id == id)
    # Locks the group's row first, so that a rule that is just being added to it waits and then fails.
    if not tx.update(security_groups, security_groups.c.id == id, {"revision": security_groups.c.revision + 1}):
        raise TryAgain("The group has just gone.")
    rows = tx.all(sa.select(rules.c.project_id, sa.func.count().label("n")).where(gone).group_by(rules.c.project_id))
    tx.delete(rules, gone)
    tags.remove_all(tx, [id])
    tx.delete(security_groups, security_groups.c.id == id)
    return {row.project_id: row.n for row in rows}


def values_of(tx: Tx, rows: Sequence[sa.Row[Any]]) -> list[SecurityGroup]:
    """The values of rows, with rules and tags: two more queries, however many rows."""
    ids = [row.id for row in rows]
    rules, tagged = rules_db.of_groups(tx, ids), tags.of(tx, ids)
    return [
        SecurityGroup(
            id=row.id,
            project_id=row.project_id,
            name=row.name,
            description=row.description,
            is_default=row.default_of is not None,
            revision=row.revision,
            created_at=row.created_at,
            updated_at=row.updated_at,
            rules=rules.get(row.id, ()),
            tags=tagged.get(row.id, ()),
        )
        for row in rows
    ]
