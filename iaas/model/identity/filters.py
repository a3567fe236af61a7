"""What a list can be asked for beside equal values: parts of names, times before and after, tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Part(StrEnum):
    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS = "startswith"
    ENDS = "endswith"


@dataclass(frozen=True)
class Match:
    """Text as it stands, no pattern; ``fold``: capitals don't count (ASCII's on every database)."""

    part: Part
    text: str
    fold: bool = False


class Order(StrEnum):
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    EQ = "eq"
    NEQ = "neq"


@dataclass(frozen=True)
class Compare:
    """A time's place; what has no time never fits."""

    order: Order
    moment: datetime


@dataclass(frozen=True)
class Tagged:
    """All of the tags, or any of them; ``never``: everything but those."""

    tags: tuple[str, ...]
    any: bool = False
    never: bool = False
