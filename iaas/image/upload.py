"""Data of an image on their way into the store: read once, in constant memory, hashed and inspected as they pass.

Intent before side effect (C-14): the row is ``saving`` under a lease before the first byte is written, and active
only in the one UPDATE that also writes size and hashes. Whatever happens in between, the image is queued again
and the store holds nothing; what a killed process leaves, the sweep finds by its lease (F-10, S-022, S-023).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from typing import IO, Any

from iaas import failpoints
from iaas.clock import Clock
from iaas.db.image import images as rows
from iaas.db.image import uploads
from iaas.db.image.uploads import Facts
from iaas.errors import Conflict, Error, Invalid, NotFound, QuotaExceeded, TooLarge
from iaas.image.faults import Broken, Gone
from iaas.image.services import ImageServices
from iaas.image.store import Writer
from iaas.inspection.inspector import HEAD, Inspector, Limits
from iaas.model.image import Image, Viewer

log = logging.getLogger(__name__)

LEASE_S = 60
BEAT_S = 10
PIECE = HEAD  # bytes read, hashed and written at a time
STEP = 64 * 1024 * 1024  # bytes of quota taken at a time when the length is not announced
HASH = "sha512"


def upload(services: ImageServices, image: Image, stream: IO[bytes], length: int | None) -> Image:
    """queued -> active. ``length``: how many bytes the client announced, None when it did not.

    Raises Conflict (not queued, or somebody else uploads), Invalid (no formats yet), TooLarge, QuotaExceeded,
    Unsafe, Broken, Gone; the image is queued again after each. An error of ``stream`` itself passes through.
    """
    if not image.disk_format or not image.container_format:
        raise Invalid("Properties disk_format, container_format must be set prior to saving data.")
    if length is not None and length > services.options.max_size:
        raise _too_large(services)
    database = services.database
    started = database.run(lambda tx: uploads.begin_upload(tx, image.id, LEASE_S))
    try:
        failpoints.hit("image.upload.begun")
        return _Upload(services, started, length).run(stream)
    except Exception:
        _abandon(services, started)
        raise


def _abandon(services: ImageServices, image: Image) -> None:
    try:
        services.database.run(lambda tx: uploads.abandon_upload(tx, image))
    except (NotFound, Conflict):
        log.info("upload of image %s ended: it was deleted or taken over", image.id)
    except Error as error:  # the lease ends by itself, and the sweep queues the image again
        log.warning("image %s could not be queued again: %s", image.id, error.message)


def _too_large(services: ImageServices) -> TooLarge:
    return TooLarge(f"Image exceeds the maximum of {services.options.max_size} bytes.")


class _Upload:
    """One upload from the first byte to the last."""

    def __init__(self, services: ImageServices, image: Image, length: int | None) -> None:
        self._services, self._image, self._length = services, image, length
        self._clock: Clock = services.database.clock
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha = hashlib.new(HASH)
        limits = Limits(services.options.max_virtual_size)
        self._inspector = Inspector(image.disk_format or "", limits)
        self._size = 0
        self._reserved = 0
        self._beaten = self._clock.monotonic()

    def run(self, stream: IO[bytes]) -> Image:
        self._beat(self._length or 0)
        writer = self._services.store.writer(self._image.blob)
        try:
            for piece in pieces(stream, self._services.options.max_size + 1):
                self._take(writer, piece)
            facts = self._facts()
            failpoints.hit("image.upload.streamed")
            self._beat(0)
            writer.commit()
            failpoints.hit("image.upload.committed")
            return self._finish(facts)
        except NotFound as error:  # the store's: the blob was deleted while it was written
            raise Gone(f"Image {self._image.id} is gone: it was deleted during the upload.") from error
        except Exception:
            writer.abandon()
            raise

    def _take(self, writer: Writer, piece: memoryview) -> None:
        self._size += len(piece)
        if self._size > self._services.options.max_size:
            raise _too_large(self._services)
        if self._length is not None and self._size > self._length:
            raise Broken("There is more data than the client announced.")
        if self._size > self._reserved:
            self._grow(self._size - self._reserved)
        elif self._clock.monotonic() - self._beaten >= BEAT_S:
            self._beat(0)
        self._inspector.feed(piece)
        self._md5.update(piece)
        self._sha.update(piece)
        writer.write(piece)
        failpoints.hit("image.upload.piece")

    def _grow(self, needed: int) -> None:
        """Takes quota in big steps, and near its end only what is needed."""
        try:
            self._beat(max(needed, STEP))
        except QuotaExceeded:
            self._beat(needed)

    def _beat(self, more: int) -> None:
        """Holds the lease and the quota, and learns of a deletion. Raises Gone, QuotaExceeded."""
        quota = self._services.options.project_quota
        if not self._services.database.run(lambda tx: uploads.beat(tx, self._image, LEASE_S, more, quota)):
            raise Gone(f"Image {self._image.id} is gone: it was deleted during the upload.")
        self._reserved += more
        self._beaten = self._clock.monotonic()

    def _facts(self) -> Facts:
        if self._length is not None and self._size != self._length:
            raise Broken(f"The client announced {self._length} bytes and sent {self._size}.")
        return Facts(
            size=self._size,
            virtual_size=self._inspector.finish(),
            checksum=self._md5.hexdigest(),
            hash_algo=HASH,
            hash_value=self._sha.hexdigest(),
        )

    def _finish(self, facts: Facts) -> Image:
        database, image = self._services.database, self._image
        try:
            done = database.run(lambda tx: uploads.finish_upload(tx, image, facts))
        except (NotFound, Conflict):
            with database.read() as tx:
                owner = uploads.owners(tx, [image.id]).get(image.id)
                if owner == image.blob:  # the first try was committed, only its answer was lost (C-17)
                    return rows.get(tx, image.id, Viewer(project_id=None, everything=True))
            self._services.store.delete(image.blob)
            raise Gone(f"Image {image.id} is gone: it was deleted during the upload.") from None
        log.info("image %s is active: %d bytes, %s", done.id, facts.size, done.disk_format)
        return done


def pieces(stream: IO[bytes], limit: int) -> Iterator[memoryview]:
    """The stream in pieces of exactly PIECE bytes (the last may be shorter), from one buffer that is used again,
    at most ``limit`` bytes in all. The same cuts whatever the network did, so inspection can't be tricked by it."""
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
            if not count:
                break
            filled += count
        if filled:
            yield view[:filled]
        if filled < wanted:
            return
        limit -= filled
