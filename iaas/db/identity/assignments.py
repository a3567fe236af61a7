"""Who has which role where: grants, and the list of all of them without a query per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import ROLES
from iaas.db.identity.rows import add_pair
from iaas.db.schema.identity import assignments, domains, group_members, groups, projects, roles, users
from iaas.errors import NotFound
from iaas.model.role import Actor, Assignment, Names, Place, Role, Target

COLUMNS = ("actor_type", "actor_id", "target_type", "target_id", "role_id", "inherited")
_CHUNK = 500


def exists(tx: Tx, assignment: Assignment) -> bool:
    return tx.first(sa.select(assignments.c.role_id).where(_is(assignment))) is not None


def add(tx: Tx, assignment: Assignment) -> None:
    """The caller has checked that role, actor and target exist. Adding twice changes nothing."""
    if not exists(tx, assignment):
        add_pair(tx, assignments, asdict(assignment))


def remove(tx: Tx, assignment: Assignment) -> None:
    """Raises NotFound, and then nothing has changed (S-048)."""
    if not tx.delete(assignments, _is(assignment)):
        raise NotFound(
            f"Could not find role assignment with role: {assignment.role_id}, user or group: "
            f"{assignment.actor_id}, project, domain or system: {assignment.target_id}.",
            resource="role_assignment",
        )


def roles_on(tx: Tx, place: Place) -> list[Role]:
    """Roles granted right there, in the order of their ids."""
    where = (assignments.c[name] == getattr(place, name) for name in COLUMNS if name != "role_id")
    return ROLES.page(tx, {}, among=sa.select(assignments.c.role_id).where(*where))


def stored(tx: Tx, equals: Mapping[str, Any], limit: int) -> list[Assignment]:
    """Assignments with these column values (a tuple: one of them), at most ``limit``, ordered."""
    columns = [assignments.c[name] for name in COLUMNS]
    where = [
        assignments.c[name].in_(value) if isinstance(value, tuple) else assignments.c[name] == value
        for name, value in equals.items()
    ]
    query = sa.select(*columns).where(*where).order_by(*columns).limit(limit)
    return [_of(row) for row in tx.all(query)]


def of_user(tx: Tx, user_id: str, equals: Mapping[str, Any], limit: int) -> list[Assignment]:
    """The user's own assignments and those of its groups."""
    found = stored(tx, {**equals, "actor_type": Actor.USER, "actor_id": user_id}, limit)
    mine = tuple(tx.execute(sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)).scalars())
    if mine:
        found += stored(tx, {**equals, "actor_type": Actor.GROUP, "actor_id": mine}, limit)
    return found


def members(tx: Tx, group_ids: Iterable[str]) -> dict[str, list[str]]:
    """Group id to the ids of its users, for many groups at once."""
    found: dict[str, list[str]] = {}
    for chunk in _chunks(group_ids):
        query = sa.select(group_members.c.group_id, group_members.c.user_id).where(group_members.c.group_id.in_(chunk))
        for row in tx.all(query.order_by(group_members.c.user_id)):
            found.setdefault(row.group_id, []).append(row.user_id)
    return found


def name_all(tx: Tx, items: Iterable[Assignment]) -> dict[Assignment, Names]:
    """The names behind the ids of many assignments, in one query a table."""
    items = list(items)
    named_roles = _named(tx, roles, {item.role_id for item in items})
    actors = {kind: _named(tx, table, {i.actor_id for i in items if i.actor_type == kind})
              for kind, table in ((Actor.USER, users), (Actor.GROUP, groups))}  # fmt: skip
    targets = {kind: _named(tx, table, {i.target_id for i in items if i.target_type == kind})
               for kind, table in ((Target.PROJECT, projects), (Target.DOMAIN, domains))}  # fmt: skip
    named = {}
    for item in items:
        actor = actors[item.actor_type].get(item.actor_id)
        target = targets.get(item.target_type, {}).get(item.target_id)
        role = named_roles.get(item.role_id)
        if actor is None or role is None:
            continue
        named[item] = Names(
            role=role.name,
            role_domain_id=role.domain_id,
            role_domain=role.domain,
            actor=actor.name,
            actor_domain_id=actor.domain_id,
            actor_domain=actor.domain,
            target=target.name if target else None,
            target_domain_id=target.domain_id if target else None,
            target_domain=target.domain if target else None,
        )
    return named


def _named(tx: Tx, table: sa.Table, ids: set[str]) -> dict[str, sa.Row[Any]]:
    found: dict[str, sa.Row[Any]] = {}
    home = domains.alias("home")
    for chunk in _chunks(ids):
        if "domain_id" in table.c:
            columns = (table.c.id, table.c.name, table.c.domain_id, home.c.name.label("domain"))
            query = sa.select(*columns).outerjoin(home, home.c.id == table.c.domain_id)
        else:
            nothing = sa.null()
            query = sa.select(table.c.id, table.c.name, nothing.label("domain_id"), nothing.label("domain"))
        found |= {row.id: row for row in tx.all(query.where(table.c.id.in_(chunk)))}
    return found


def _chunks(ids: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(set(ids))
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))


def _is(item: Assignment) -> sa.ColumnElement[bool]:
    return sa.and_(*(assignments.c[name] == getattr(item, name) for name in COLUMNS))


def _of(row: sa.Row[Any]) -> Assignment:
    return Assignment(
        actor_type=Actor(row.actor_type),
        actor_id=row.actor_id,
        target_type=Target(row.target_type),
        target_id=row.target_id,
        role_id=row.role_id,
        inherited=row.inherited,
    )
