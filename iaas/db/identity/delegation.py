"""Application credentials, access rules and trusts: rows and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.filters import condition
from iaas.db.schema.identity_delegation import access_rules, application_credentials, trusts
from iaas.errors import Conflict, NotFound
from iaas.model.identity.delegation import AccessRule, ApplicationCredential, Kind, Mandate, Trust

TABLES = {Kind.APPLICATION_CREDENTIAL: application_credentials, Kind.TRUST: trusts}
_VALUES: dict[Kind, type[Mandate]] = {Kind.APPLICATION_CREDENTIAL: ApplicationCredential, Kind.TRUST: Trust}
_PREFIX = "given_"  # of a mandate's columns in a wider row


def columns(kind: Kind) -> list[sa.Label[Any]]:
    """A mandate's columns, under names that collide with nobody's."""
    return [TABLES[kind].c[item.name].label(_PREFIX + item.name) for item in fields(_VALUES[kind])]


def of(kind: Kind, row: sa.Row[Any]) -> Mandate:
    """The mandate of a row with ``columns``."""
    values = {item.name: getattr(row, _PREFIX + item.name) for item in fields(_VALUES[kind])}
    values["roles"] = tuple(values["roles"])
    if values.get("access_rules") is not None:
        values["access_rules"] = tuple(AccessRule(*rule) for rule in values["access_rules"])
    return _VALUES[kind](**values)


def insert(tx: Tx, kind: Kind, mandate: Mandate, **hidden: Any) -> None:
    """``hidden``: columns that no value has. Raises Conflict when the user has one of this name."""
    values = {item.name: getattr(mandate, item.name) for item in fields(mandate)}
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    name = values.get("name", values["id"])
    words = f"Conflict occurred attempting to store {kind.value} - Duplicate entry found with name {name}."
    tx.insert(TABLES[kind], {**values, **hidden}, conflict=Conflict(words, resource=kind.value))


def find(tx: Tx, kind: Kind, **equals: Any) -> Mandate | None:
    """The one with these values. For unique combinations only."""
    found = page(tx, kind, equals, limit=1)
    return found[0] if found else None


def page(
    tx: Tx,
    kind: Kind,
    equals: Mapping[str, Any],
    marker: str | None = None,
    limit: int = 1000,
    usable_at: datetime | None = None,
) -> list[Mandate]:
    """In the order of ids, after the marker. ``equals``: values as in filters.py; ``usable_at``: no trusts that are
    over by then, or used up."""
    table = TABLES[kind]
    where = [condition(tx, table.c[name], value) for name, value in equals.items()]
    if marker is not None:
        where.append(table.c.id > marker)
    if usable_at is not None:
        where.append(sa.or_(trusts.c.expires_at.is_(None), trusts.c.expires_at > usable_at))
        where.append(sa.or_(trusts.c.remaining_uses.is_(None), trusts.c.remaining_uses > 0))
    query = sa.select(*columns(kind)).where(*where).order_by(table.c.id).limit(limit)
    return [of(kind, row) for row in tx.all(query)]


def delete(tx: Tx, kind: Kind, **equals: Any) -> None:
    """Raises NotFound."""
    table = TABLES[kind]
    if not tx.delete(table, sa.and_(*(table.c[name] == value for name, value in equals.items()))):
        raise NotFound.of(kind.value, equals["id"])


def secret_hash(tx: Tx, id: str) -> str | None:
    c = application_credentials.c
    return tx.scalar(sa.select(c.secret_hash).where(c.id == id))  # type: ignore[no-any-return]


def use(tx: Tx, trust_id: str) -> bool:
    """Takes one of the uses that are left; False when there is none (S-037)."""
    c = trusts.c
    some = (c.id == trust_id) & (c.remaining_uses > 0)
    return tx.update(trusts, some, {"remaining_uses": c.remaining_uses - 1}) == 1


def rules(tx: Tx, user_id: str, **equals: Any) -> list[AccessRule]:
    """The user's access rules, in the order of ids; ``equals``: those with these values, as in filters.py."""
    c = access_rules.c
    where = [condition(tx, c[name], value) for name, value in equals.items()]
    query = sa.select(c.id, c.service, c.method, c.path).where(c.user_id == user_id, *where).order_by(c.id)
    return [AccessRule(row.id, row.service, row.method, row.path) for row in tx.all(query)]


def add_rule(tx: Tx, user_id: str, rule: AccessRule) -> None:
    tx.insert(access_rules, {"user_id": user_id, **rule._asdict()})


def delete_rule(tx: Tx, user_id: str, id: str) -> None:
    """Raises NotFound."""
    if not tx.delete(access_rules, (access_rules.c.user_id == user_id) & (access_rules.c.id == id)):
        raise NotFound.of("access_rule", id)
