"""The interface of a format, and how its fields are read."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from iaas.inspection.unsafe import Unsafe

SECTOR = 512


@dataclass(frozen=True)
class Region:
    """A range of the data that lies beyond the head, in bytes."""

    offset: int
    length: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is known of the data once all have passed. ``region``: the bytes of the Region that was asked for, as far as
    there were any."""

    size: int
    head: bytes
    tail: bytes
    region: bytes = b""


class Format(ABC):
    """Judges one file: first ``look``, once, then ``measure``, once. Both raise Unsafe."""

    @abstractmethod
    def look(self, head: bytes) -> Region | None:
        """Refuses what the beginning shows already; names what else has to be seen."""

    @abstractmethod
    def measure(self, kept: Kept) -> int:
        """The virtual size in bytes: what QEMU's driver of this format makes of the same header."""


def fields(layout: str, data: bytes, at: int = 0) -> tuple[Any, ...]:
    """As struct.unpack; raises Unsafe where the data end before the fields do."""
    if at < 0 or at + struct.calcsize(layout) > len(data):
        raise Unsafe("The image's header is cut off.")
    return struct.unpack_from(layout, data, at)


def must(condition: bool, refusal: str) -> None:
    """Raises Unsafe with the refusal unless the condition holds."""
    if not condition:
        raise Unsafe(refusal)


def power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
