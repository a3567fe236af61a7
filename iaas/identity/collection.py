"""The five verbs over one kind of identity object; a noun with rules of its own overrides the hooks.

A hook runs in the transaction of its verb, so a refusal leaves nothing behind (S-048).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import msgspec

from iaas.db.engine import Database, Tx
from iaas.db.identity.rows import Rows
from iaas.errors import Forbidden, Invalid

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
        if "options" in self._rows.fields:
            value = replace(value, options=set_options(value.options))  # type: ignore[type-var, attr-defined]
        return self._database.run(lambda tx: self._create(tx, value))

    def update(self, id: str, changes: Mapping[str, Any]) -> T:
        """``changes['extra']`` and ``changes['options']`` are merged with what is there, everything else replaced.
        Raises Forbidden for what is immutable, unless it is just made mutable."""

        def work(tx: Tx) -> T:
            self._check_mutable(tx, id, changes)
            return self._update(tx, id, self._merged(tx, id, changes))

        return self._database.run(work)

    def delete(self, id: str) -> None:
        """Raises NotFound, or Forbidden for what must not go."""

        def work(tx: Tx) -> None:
            self._check_mutable(tx, id)
            self._delete(tx, id)

        self._database.run(work)

    def _create(self, tx: Tx, value: T) -> T:
        return self._rows.create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> T:
        return self._rows.update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        self._rows.delete(tx, id)

    def _merged(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Mapping[str, Any]:
        merged = dict(changes)
        for name in ("extra", "options"):
            given = merged.pop(name, None)
            if given:
                merged[name] = {**getattr(self._rows.get(tx, id), name), **given}
        bounded(merged.get("extra", {}))
        if "options" in merged:
            merged["options"] = set_options(merged["options"])
        return merged

    def _check_mutable(self, tx: Tx, id: str, changes: Mapping[str, Any] | None = None) -> None:
        """Also the look that keeps others from changing it at the same time."""
        options = getattr(self._rows.get(tx, id, lock=True), "options", {})
        if not options.get("immutable"):
            return
        asked = {name for name, value in (changes or {}).items() if value or name != "extra"}
        if asked == {"options"} and changes and changes["options"].get("immutable", True) in (None, False):
            return
        verb = "delete" if changes is None else "update"
        raise Forbidden(
            f"Unable to {verb} immutable {self._rows.noun} resource: {id}. Set resource option 'immutable' to false."
        )


def set_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """An option that is null is one that is not set."""
    return {name: value for name, value in options.items() if value is not None}


def bounded(extra: Mapping[str, Any]) -> None:
    if extra and len(msgspec.json.encode(dict(extra))) > EXTRA_LIMIT:
        raise Invalid(f"The further attributes of an object have at most {EXTRA_LIMIT} bytes.")
