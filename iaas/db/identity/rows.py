"""The rows of one table as frozen values: what every noun of the identity service needs and no more.

A value's fields are columns of the same name; what the value does not have (a password's hash) stays here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.identity.filters import condition
from iaas.errors import Conflict, Invalid, NotFound

T = TypeVar("T")


class Rows(Generic[T]):
    def __init__(self, table: sa.Table, value: type[T], noun: str) -> None:
        self.table, self.value, self.noun = table, value, noun
        self.fields = [item.name for item in dataclasses.fields(value)]  # type: ignore[arg-type]
        self._columns = [table.c[name] for name in self.fields]

    def of(self, row: sa.Row[Any]) -> T:
        """The value of a row that has at least the value's columns."""
        values = {name: getattr(row, name) for name in self.fields}
        return self.value(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def get(self, tx: Tx, id: str, lock: bool = False) -> T:
        """``lock``: nobody else changes or deletes the row before this transaction ends, nor makes what refers to it
        by a locked look of its own. Raises NotFound."""
        query = sa.select(*self._columns).where(self.table.c.id == id)
        row = tx.first(query.with_for_update() if lock else query)
        if row is None:
            raise NotFound.of(self.noun, id)
        return self.of(row)

    def find(self, tx: Tx, **equals: Any) -> T | None:
        """The one row with these values, or None. For unique combinations only."""
        row = tx.first(sa.select(*self._columns).where(*self._where(tx, equals)))
        return None if row is None else self.of(row)

    def page(
        self,
        tx: Tx,
        equals: Mapping[str, Any],
        marker: str | None = None,
        limit: int = 1000,
        among: sa.SelectBase | None = None,
    ) -> list[T]:
        """A page in the order of ids; ``equals`` by column, its values as in filters.py.

        ``among``: a select of the only ids to consider. Raises Invalid for a marker that does not exist.
        """
        id_column = self.table.c.id
        query = sa.select(*self._columns).where(*self._where(tx, equals)).order_by(id_column).limit(limit)
        if among is not None:
            query = query.where(id_column.in_(among))
        if marker is not None:
            if tx.first(sa.select(id_column).where(id_column == marker)) is None:
                raise Invalid(f"Marker {marker[:64]!r} could not be found.", field="marker")
            query = query.where(id_column > marker)
        return [self.of(row) for row in tx.all(query)]

    def create(self, tx: Tx, value: T, **hidden: Any) -> T:
        """``hidden``: columns that are not fields. Raises Conflict naming what is taken."""
        values = {name: _stored(getattr(value, name)) for name in self.fields}
        tx.insert(self.table, {**values, **hidden}, conflict=self._taken(values))
        return value

    def update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> T:
        """Raises NotFound, or Conflict when the new name is taken."""
        stored = {name: _stored(value) for name, value in changes.items()}
        name = stored.get("name")
        if name is not None and "name" in self.fields:
            self._check_name(tx, id, name)
        if stored and not tx.update(self.table, self.table.c.id == id, stored):
            raise NotFound.of(self.noun, id)
        return self.get(tx, id)

    def delete(self, tx: Tx, id: str) -> None:
        """Raises NotFound."""
        if not tx.delete(self.table, self.table.c.id == id):
            raise NotFound.of(self.noun, id)

    def _where(self, tx: Tx, equals: Mapping[str, Any]) -> list[sa.ColumnElement[bool]]:
        return [condition(tx, self.table.c[name], value) for name, value in equals.items()]

    def _check_name(self, tx: Tx, id: str, name: str) -> None:
        """Names it before the unique index would, in words; the index still decides races."""
        columns = self.table.c
        if not any(isinstance(rule, sa.UniqueConstraint) and "name" in rule.columns for rule in self.table.constraints):
            return
        query = sa.select(columns.id).where(columns.name == name, columns.id != id)
        if "domain_id" in columns:
            own = sa.select(columns.domain_id).where(columns.id == id).scalar_subquery()
            query = query.where(columns.domain_id.is_not_distinct_from(own))
        if tx.first(query) is not None:
            raise self._taken({"name": name})

    def _taken(self, values: Mapping[str, Any]) -> Conflict:
        what = f"name {values['name']}" if values.get("name") else f"ID {values.get('id')}"
        where = f" at domain ID {values['domain_id']}" if values.get("domain_id") else ""
        words = f"Conflict occurred attempting to store {self.noun} - Duplicate entry found with {what}{where}."
        return Conflict(words, resource=self.noun)


def add_pair(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> None:
    """Inserts a row that is all key. When somebody was faster, the closure runs again and finds it there."""
    tx.insert(table, values, conflict=TryAgain("Another request added the same."))


def _stored(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
