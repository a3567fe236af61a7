"""The interface of an image store: blobs under names, written once. It knows no image, no user and no quota.

A name is ``<image id>.<generation>`` (model.image.Image.blob) and every store checks it before anything else.
A plug-in is called with its store's section of the configuration and [image]. The contract suite
tests/contract/test_image_store.py runs over every file of iaas/image/stores/.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, ClassVar, Protocol

from iaas.errors import Invalid

_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class Blob:
    """One thing in a store. ``partial``: not committed (yet), and ``size`` is what the store has taken up for it so
    far; ``age_s``: since the last byte, or the first one where the store does not say more."""

    name: str
    size: int
    partial: bool
    age_s: float

    @property
    def image_id(self) -> str:
        return self.name.partition(".")[0]


class Writer(Protocol):
    """One blob in the making; invisible to ``open`` until ``commit``. Used by one thread."""

    def write(self, data: bytes | memoryview) -> None:
        """Appends. Raises StoreFull when there is no space, Unavailable when the store fails otherwise."""

    def commit(self) -> None:
        """Makes the blob durable and visible, atomically. Raises as ``write``, Conflict for a name taken,
        NotFound when the name was deleted since."""

    def abandon(self) -> None:
        """Removes what was written, quietly; after ``commit`` it does nothing. Any number of times."""


class Store(Protocol):
    """Every method may raise Unavailable, and Invalid for a malformed name. Repeating a call is harmless.

    READ_ONLY: it keeps data that others put there; ``writer`` is refused, ``delete`` and ``inventory`` do nothing.
    """

    READ_ONLY: ClassVar[bool]

    def writer(self, name: str) -> Writer:
        """A new blob. Raises StoreFull."""

    def open(self, name: str) -> BinaryIO:
        """The blob's bytes, seekable. Raises NotFound."""

    def delete(self, name: str) -> bool:
        """Removes the blob and every partial write of this name; False when there was none."""

    def inventory(self) -> Iterator[Blob]:
        """Everything in the store, complete and partial, in no order; for audit and sweep."""

    def takes(self, url: str) -> bool:
        """Whether this is a URL of data that the store reads, though it did not write them."""

    def describe(self) -> dict[str, str]:
        """What administrators see of its settings; nothing secret."""

    def free(self) -> int | None:
        """Bytes that still fit, None when unknown."""


def checked(name: str) -> str:
    """The name, if it is one (S-019: nothing else ever becomes part of a path). Raises Invalid."""
    if not _NAME.fullmatch(name):
        raise Invalid("This is not the name of a blob.", field="name")
    return name


def listed(name: str, size: int, partial: bool, since: datetime) -> Iterator[Blob]:
    """The blob that a store on another machine lists. What somebody else keeps there is none of ours: nothing."""
    if _NAME.fullmatch(name):
        yield Blob(name=name, size=size, partial=partial, age_s=max(0.0, time.time() - since.timestamp()))
