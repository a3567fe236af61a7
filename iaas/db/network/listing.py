"""Lists of the network API: filters on any column, a stable order, and pages that start after a marker.

Works for any table; what a caller may see is a condition that the noun's module hands in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.schema.metadata import UtcDateTime
from iaas.db.schema.network import network_tags
from iaas.errors import Invalid

Where = sa.ColumnElement[bool]
Special = Callable[[Sequence[str]], Where]
MAX_VALUES = 500  # values of one filter


@dataclass(frozen=True, kw_only=True)
class Query:
    """``filters``: API attribute -> values as the client wrote them; several mean any of them."""

    limit: int = 1000
    marker: str | None = None
    sort: tuple[tuple[str, str], ...] = (("id", "asc"),)
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)


def claim(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Inserts the row unless a unique column already has its value; False then, and the transaction goes on."""
    # The dialect in use is loaded already; importing the other one would cost each process three MiB.
    dialect: Any = import_module(f"sqlalchemy.dialects.{tx.connection.dialect.name}")
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    # rowcount is not known for an INSERT on every database; a returned row is.
    return tx.execute(statement.returning(sa.literal_column("1"))).first() is not None


def mine(table: sa.Table, context: Context) -> Where:
    """Rows of the caller's project; all of them for an administrator."""
    return sa.true() if context.is_admin else table.c.project_id == context.owner


def page(
    tx: Tx,
    table: sa.Table,
    fields: Mapping[str, sa.Column[Any]],
    query: Query,
    visible: Where,
    special: Mapping[str, Special] | None = None,
) -> tuple[list[sa.Row[Any]], bool]:
    """One page of rows, and whether there are more. ``fields``: API attribute -> column. Attributes that are
    neither in ``fields`` nor ``special`` do not filter. Raises Invalid for a bad value or marker."""
    rules = {**(special or {}), **_tag_filters(table)}
    where = [visible]
    for name, values in query.filters.items():
        if len(values) > MAX_VALUES:
            raise Invalid(f"Too many values for the filter {name[:64]}.", field=name)
        if name in rules:
            where.append(rules[name](values))
        elif name in fields:
            column = fields[name]
            where.append(column.in_([_typed(column, name, value) for value in values]))
    order = [(fields[key], direction == "asc") for key, direction in query.sort]
    if query.marker is not None:
        where.append(_after(tx, table, order, query.marker, visible))
    statement = sa.select(table).where(*where).limit(query.limit + 1)
    statement = statement.order_by(*(_key(c).asc() if up else _key(c).desc() for c, up in order))
    rows = tx.all(statement)
    return rows[: query.limit], len(rows) > query.limit


def _typed(column: sa.Column[Any], name: str, value: str) -> Any:
    if isinstance(column.type, sa.Boolean):
        word = value.strip().lower()
        if word not in ("true", "false", "1", "0"):
            raise Invalid(f"{value[:32]!r} is not a boolean.", field=name)
        return word in ("true", "1")
    if isinstance(column.type, sa.Integer):
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise Invalid(f"{value[:32]!r} is not an integer.", field=name)
        return int(value)
    if isinstance(column.type, UtcDateTime):
        try:
            moment = datetime.fromisoformat(value.replace(" ", "+"))  # as which a plus sign of the query arrives
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Invalid(f"{value[:32]!r} is not a time.", field=name) from None
    return value


def _key(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """NULLs have a place in the order that is the same on every database."""
    return sa.func.coalesce(column, "") if column.nullable else column


def _after(tx: Tx, table: sa.Table, order: Sequence[tuple[sa.Column[Any], bool]], marker: str, visible: Where) -> Where:
    row = tx.first(sa.select(*(_key(c).label(c.name) for c, _ in order)).where(table.c.id == marker, visible))
    if row is None:
        raise Invalid(f"The marker {marker[:64]!r} could not be found.", field="marker")
    steps: list[Where] = []
    same: list[Where] = []
    for (column, up), value in zip(order, row, strict=True):
        key = _key(column)
        steps.append(sa.and_(*same, key > value if up else key < value))
        same.append(key == value)
    return sa.or_(*steps)


def _tag_filters(table: sa.Table) -> dict[str, Special]:
    def having(tags: Iterable[str]) -> list[Where]:
        return [sa.exists().where(network_tags.c.resource_id == table.c.id, network_tags.c.tag == tag) for tag in tags]

    def split(values: Sequence[str]) -> list[str]:
        words = [word for value in values for word in value.split(",")]
        if len(words) > 50:
            raise Invalid("Too many tags to filter by.", field="tags")
        return words

    return {
        "tags": lambda values: sa.and_(*having(split(values))),
        "tags-any": lambda values: sa.or_(*having(split(values))),
        "not-tags": lambda values: sa.not_(sa.and_(*having(split(values)))),
        "not-tags-any": lambda values: sa.not_(sa.or_(*having(split(values)))),
    }
