"""Bytes on their way into stores: read once, in constant memory, counted, looked at as they pass, within quota."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from iaas import failpoints
from iaas.clock import Clock
from iaas.db.image.uploads import Facts
from iaas.errors import QuotaExceeded, TooLarge
from iaas.image.faults import Broken, Gone
from iaas.image.services import ImageServices
from iaas.image.store import Writer
from iaas.inspection.inspector import HEAD, Inspector, Limits
from iaas.model.image import Image

LEASE_S = 60
BEAT_S = 10
PIECE = HEAD  # bytes read, hashed and written at a time
STEP = 64 * 1024 * 1024  # bytes of quota taken at a time when the length is not announced
HASH = "sha512"

# Renews whatever entitles to go on and takes so many more bytes of the quota, one transaction. False: go no further.
Beat = Callable[[int], bool]


class Tenure:
    """The right to write for an image: a lease that is renewed, a quota that grows. Used by one thread."""

    def __init__(self, services: ImageServices, image: Image, beat: Beat, copies: int = 1, covered: int = 0) -> None:
        """``covered``: bytes of each copy that are reserved already."""
        self._image, self._beat, self._copies = image, beat, copies
        self._clock: Clock = services.database.clock
        self._reserved = covered
        self._beaten = self._clock.monotonic()

    def hold(self, more: int = 0) -> None:
        """Renews the lease, takes ``more`` bytes for each copy, learns of a deletion. Raises Gone, QuotaExceeded."""
        if not self._beat(more * self._copies):
            raise Gone(f"Image {self._image.id} is gone: it was deleted during the upload.")
        self._reserved += more
        self._beaten = self._clock.monotonic()

    def cover(self, size: int, exact: bool = False) -> None:
        """So many bytes there are now: takes quota in big steps, if not ``exact``, and near its end what is needed."""
        if size > self._reserved:
            needed = size - self._reserved
            try:
                self.hold(needed if exact else max(needed, STEP))
            except QuotaExceeded:
                if exact:
                    raise
                self.hold(needed)

    def tick(self) -> None:
        """As time passes, however slowly the bytes come: the lease is renewed in time. Raises Gone."""
        if self._clock.monotonic() - self._beaten >= BEAT_S:
            self.hold()


class Analysis:
    """What the data are: hashes, format, virtual size."""

    def __init__(self, image: Image, limits: Limits) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha = hashlib.new(HASH)
        self._inspector = Inspector(image.disk_format or "", limits)

    def feed(self, piece: memoryview) -> None:
        """Raises Unsafe."""
        self._inspector.feed(piece)
        self._md5.update(piece)
        self._sha.update(piece)

    def facts(self, size: int) -> Facts:
        """Once everything was fed. Raises Unsafe."""
        return Facts(
            size=size,
            virtual_size=self._inspector.finish(),
            checksum=self._md5.hexdigest(),
            hash_algo=HASH,
            hash_value=self._sha.hexdigest(),
        )


def take_in(
    stream: IO[bytes], writer: Writer, tenure: Tenure, look: Callable[[memoryview], None], length: int | None, most: int
) -> int:
    """Reads the stream into the writer, uncommitted; answers how many bytes it had. ``length``: how many were
    announced, None for unknown; ``most``: how many are allowed.

    Raises TooLarge, QuotaExceeded, Broken (not what was announced), Gone, what ``look`` raises, and errors of the
    stream and the writer.
    """
    size = 0
    tenure.cover(length or 0, exact=True)
    tenure.hold()
    for piece in pieces(stream, most + 1, tenure.tick):
        size += len(piece)
        if size > most:
            raise too_large(most)
        if length is not None and size > length:
            raise Broken("There is more data than the client announced.")
        tenure.cover(size)
        look(piece)
        writer.write(piece)
        failpoints.hit("image.upload.piece")
    if length is not None and size != length:
        raise Broken(f"The client announced {length} bytes and sent {size}.")
    return size


def too_large(most: int) -> TooLarge:
    return TooLarge(f"Image exceeds the maximum of {most} bytes.")


def pieces(stream: IO[bytes], limit: int, tick: Callable[[], None] = lambda: None) -> Iterator[memoryview]:
    """The stream in pieces of exactly PIECE bytes (the last may be shorter), from one buffer that is used again,
    at most ``limit`` bytes in all. The same cuts whatever the network did, so inspection can't be tricked by it.
    ``tick`` is called after each read."""
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    readinto: Any = getattr(stream, "readinto", None)
    while limit > 0:
        filled, wanted = 0, min(PIECE, limit)
        while filled < wanted:
            if readinto is not None:
                count = readinto(view[filled:wanted]) or 0
            else:
                data = stream.read(wanted - filled)
                count = len(data)
                view[filled : filled + count] = data
            tick()
            if not count:
                break
            filled += count
        if filled:
            yield view[:filled]
        if filled < wanted:
            return
        limit -= filled
