"""Filters of lists as SQL. Wildcards in what a client sends are letters like any others (S-114, S-115)."""

from __future__ import annotations

import json
import operator
import re
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.model.identity.filters import Compare, Match, Part, Tagged

_GLOB = re.compile(r"[*?\[]")


def condition(tx: Tx, column: sa.Column[Any], value: Any) -> sa.ColumnElement[bool]:
    """``value``: one value, a tuple of which one fits, a list of which all fit, or one of model/identity/filters."""
    match value:
        case list():
            return sa.and_(sa.true(), *(condition(tx, column, item) for item in value))
        case tuple():
            return column.in_(value)
        case Match():
            return _matches(tx, column, value)
        case Compare():
            return getattr(operator, _OPERATORS[value.order])(column, value.moment)  # type: ignore[no-any-return]
        case Tagged():
            return _tagged(tx, column, value)
        case _:
            return sa.and_(column == value)


_OPERATORS = {"lt": "lt", "lte": "le", "gt": "gt", "gte": "ge", "eq": "eq", "neq": "ne"}


def _matches(tx: Tx, column: sa.ColumnElement[Any], wanted: Match) -> sa.ColumnElement[bool]:
    text = wanted.text
    if wanted.part is Part.EQUALS:
        return sa.func.lower(column) == sa.func.lower(text) if wanted.fold else column == text
    if wanted.fold or not tx.sqlite:
        method = getattr(column, f"{'i' if wanted.fold else ''}{wanted.part.value}")
        return method(text, autoescape=True)  # type: ignore[no-any-return]
    # SQLite's LIKE takes capitals and small letters for the same, its GLOB does not.
    inert = _GLOB.sub(r"[\g<0>]", text)
    pattern = {Part.CONTAINS: f"*{inert}*", Part.STARTS: f"{inert}*", Part.ENDS: f"*{inert}"}[wanted.part]
    return column.op("GLOB", is_comparison=True)(pattern)


def _tagged(tx: Tx, column: sa.Column[Any], wanted: Tagged) -> sa.ColumnElement[bool]:
    """Tags are a JSON list of words without commas: a word between its quotes can only be a whole tag."""
    text = sa.cast(column, sa.Text)
    each = [_matches(tx, text, Match(Part.CONTAINS, json.dumps(tag))) for tag in wanted.tags]
    found = sa.or_(*each) if wanted.any else sa.and_(*each)
    return sa.not_(found) if wanted.never else found
