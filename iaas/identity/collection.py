"""The five verbs over one kind of identity object; a noun with rules of its own overrides the hooks.

A hook runs in the transaction of its verb, so a refusal leaves nothing behind (S-048).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from iaas.db.engine import Database, Tx
from iaas.db.identity.rows import Rows
from iaas.errors import Invalid

T = TypeVar("T")
EXTRA_LIMIT = 16_384  # bytes of further attributes that one object keeps


class Collection(Generic[T]):
    def __init__(self, database: Database, rows: Rows[T]) -> None:
        self._database, self._rows = database, rows

    def page(self, equals: Mapping[str, Any], marker: str | None = None, limit: int = 1000) -> list[T]:
        """A page in the order of ids. Raises Invalid for an unknown marker."""
        with self._database.read() as tx:
            return self._rows.page(tx, equals, marker, limit)

    def get(self, id: str) -> T:
        """Raises NotFound."""
        with self._database.read() as tx:
            return self._rows.get(tx, id)

    def create(self, value: T) -> T:
        """Raises Conflict when the name is taken, Invalid or NotFound for what it refers to."""
        bounded(value.extra)  # type: ignore[attr-defined]
        return self._database.run(lambda tx: self._create(tx, value))

    def update(self, id: str, changes: Mapping[str, Any]) -> T:
        """``changes['extra']`` is merged into the further attributes, everything else replaced."""
        return self._database.run(lambda tx: self._update(tx, id, self._merged(tx, id, changes)))

    def delete(self, id: str) -> None:
        """Raises NotFound, or Forbidden for what must not go."""
        self._database.run(lambda tx: self._delete(tx, id))

    def _create(self, tx: Tx, value: T) -> T:
        return self._rows.create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> T:
        return self._rows.update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        self._rows.delete(tx, id)

    def _merged(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        if not changes.get("extra"):
            return {name: value for name, value in changes.items() if name != "extra"}
        extra = {**self._rows.get(tx, id).extra, **changes["extra"]}  # type: ignore[attr-defined]
        bounded(extra)
        return {**changes, "extra": extra}


def bounded(extra: Mapping[str, Any]) -> None:
    if extra and len(msgspec.json.encode(dict(extra))) > EXTRA_LIMIT:
        raise Invalid(f"The further attributes of an object have at most {EXTRA_LIMIT} bytes.")
