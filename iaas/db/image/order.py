"""Pages by the sort keys of the last item, not by offset: nothing is lost or twice when rows come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

Keys = Mapping[str, sa.ColumnElement[Any]]  # no key may be null: "behind" is a plain comparison on every database
Sort = Sequence[tuple[str, str]]  # (key, "asc" or "desc"); the last one makes every row different


def ordered(query: sa.Select[Any], keys: Keys, sort: Sort) -> sa.Select[Any]:
    for key, direction in sort:
        column = keys[key]
        query = query.order_by(column.desc() if direction == "desc" else column.asc())
    return query


def behind(keys: Keys, sort: Sort, values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Strictly behind an item in the order of ``sort``: equal in n keys and behind in the next. ``values``: the
    item's, one for each pair of ``sort``."""
    ways = []
    for depth, (key, direction) in enumerate(sort):
        step = keys[key] < values[depth] if direction == "desc" else keys[key] > values[depth]
        equal = [keys[other] == values[i] for i, (other, _) in enumerate(sort[:depth])]
        ways.append(sa.and_(*equal, step))
    return sa.or_(*ways)
