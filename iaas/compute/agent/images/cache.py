"""The host's cache of images as raw disks: fetched and converted once, whoever asks, and proven before use.

    cache/<image id>-<first 16 of the image's hash>         a raw disk, read-only
    cache/<image id>-<first 16 of the image's hash>.json    its own fingerprint: the entry is complete
    only with it

Users of an entry hold a hard link in their directory (``link``), so that an entry can be dropped at any
time and its space comes back when the last server on it goes. Knows no server and no policy: whoever
asks for an image was given its address and token by the conductor (S-017).
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from iaas import errors, failpoints
from iaas.compute.agent.images.fingerprint import fingerprint
from iaas.compute.agent.images.shelf import PARTIAL_LEASE, Keeping, Shelf
from iaas.compute.agent.work import Patience
from iaas.host import files
from iaas.host.image_fetch import Fetch
from iaas.host.qemu_img import DRIVERS, QemuImg, inspected
from iaas.host.room import Room
from iaas.ids import is_uuid
from iaas.model.order import CachedImage, ImageSource

_LOG = logging.getLogger(__name__)
_ATTEMPTS = 3


@dataclass
class _Slot:
    """An entry that somebody works on or waits for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    users: int = 0


class ImageCache:
    """``min_free``: bytes of the disk that no image may take."""

    def __init__(
        self, directory: Path, qemu_img: QemuImg, fetch: Fetch, *, min_free: int = 0, keeping: Keeping | None = None
    ) -> None:
        self._directory = files.directory(directory)
        self._qemu_img = qemu_img
        self._fetch = fetch
        self.room = Room(directory, min_free)
        self._shelf = Shelf(directory, self.room, keeping or Keeping())
        self._lock = threading.Lock()
        self._busy: dict[str, _Slot] = {}
        self._proven: dict[str, tuple[int, int, int]] = {}  # name -> inode, size, mtime when last proven

    def link(self, image: ImageSource, target: Path, work: Patience) -> None:
        """Makes ``target`` a hard link to the image's raw disk, which is fetched first if need be.

        Raises Invalid (not the recorded bytes, refers to other files), Unsupported (format), NotFound,
        Forbidden, Unavailable (image service, or no space), and what ``work`` raises.
        """
        with self._entry(image, work) as entry:
            temporary = files.partial(target)
            temporary.hardlink_to(entry)
            temporary.replace(target)

    def ensure(self, image: ImageSource, work: Patience) -> None:
        """The image's raw disk is here for whoever will ask. Raises as ``link``."""
        with self._entry(image, work):
            _LOG.info("image %s is in the cache", image.id)

    def images(self) -> tuple[CachedImage, ...]:
        """The complete entries."""
        return self._shelf.account()

    def partial_files(self) -> tuple[str, ...]:
        """Names of what nobody works on and nobody can use: its lease is over."""
        return tuple(path.name for path in (*files.partials(self._directory, PARTIAL_LEASE), *self._shelf.broken()))

    def tidy(self) -> None:
        """Sweeps what crashes left, and drops unused entries that are old or in the way (S-016)."""
        for name in files.sweep(self._directory, PARTIAL_LEASE):
            _LOG.info("partial file %s swept", name)
        for path in self._shelf.broken():
            self._drop(path.stem)
        for name, why in self._shelf.superfluous():
            self._drop(name, why)

    @contextmanager
    def _entry(self, image: ImageSource, work: Patience) -> Iterator[Path]:
        name = _name(image)
        with self._alone(name, work):
            entry = self._directory / name
            if not self._complete(entry):
                self._make(image, entry, work)
            os.utime(entry.with_suffix(".json"))  # used now: what is dropped first goes by it
            yield entry

    def _make(self, image: ImageSource, entry: Path, work: Patience) -> None:
        if image.format not in DRIVERS:
            raise errors.Unsupported(f"This host cannot boot {image.format} images.")
        need = image.size + (image.virtual_size if DRIVERS[image.format] != "raw" else 0)
        with self.room.promise(need, self._make_room):
            downloaded = files.partial(entry)
            raw = downloaded
            try:
                self._download(image, downloaded, work)
                failpoints.hit("compute.image.after_fetch")
                work.check()
                judged = inspected(downloaded, image.format, image.virtual_size)
                if judged.driver != "raw":
                    raw = files.partial(entry)
                    self._qemu_img.to_raw(judged, raw, work.progress)
                    failpoints.hit("compute.image.after_convert")
                work.check()
                self._publish(raw, entry)
            except errors.Invalid as error:  # S-027: also in the server's event and fault, by the report of the order
                _LOG.error("image %s is refused: %s", image.id, error.message)
                raise
            finally:
                downloaded.unlink(missing_ok=True)
                raw.unlink(missing_ok=True)

    def _download(self, image: ImageSource, target: Path, work: Patience) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            target.unlink(missing_ok=True)
            try:
                self._fetch(image, target, work.progress)
                return
            except errors.Unavailable:
                if attempt == _ATTEMPTS:
                    raise
            work.pause(2.0**attempt / 2)

    def _publish(self, raw: Path, entry: Path) -> None:
        """The disk first, its fingerprint last: an entry without one counts for nothing."""
        raw.chmod(0o400)
        record = json.dumps({"fingerprint": fingerprint(raw)})
        entry.with_suffix(".json").unlink(missing_ok=True)
        files.publish(raw, entry)
        failpoints.hit("compute.image.after_publish")
        files.write(entry.with_suffix(".json"), record)
        self._proven[entry.name] = _identity(entry)

    def _complete(self, entry: Path) -> bool:
        """Whether the entry is there and still what it was: by hash once a process, by its times after
        that.
        """
        try:
            found = _identity(entry)
            record = files.read(entry.with_suffix(".json"))
            if record is None:
                return False
            if self._proven.get(entry.name) == found:
                return True
            if json.loads(record).get("fingerprint") == fingerprint(entry):
                self._proven[entry.name] = found
                return True
        except (FileNotFoundError, ValueError, AttributeError):
            return False
        _LOG.error("cached image %s is damaged and will be fetched again", entry.name)  # F-65
        return False

    @contextmanager
    def _alone(self, name: str, work: Patience) -> Iterator[None]:
        """One thread at a time for an entry; the others wait, with signs of life, and then find it made."""
        with self._lock:
            slot = self._busy.setdefault(name, _Slot())
            slot.users += 1
        try:
            while not slot.lock.acquire(timeout=0.5):
                work.progress()
            try:
                yield
            finally:
                slot.lock.release()
        finally:
            with self._lock:
                slot.users -= 1
                if not slot.users:
                    del self._busy[name]

    def _make_room(self, size: int) -> None:
        """What is wanted now goes before what nobody uses."""
        for name in self._shelf.unused():
            if self.room.fits(size):
                return
            self._drop(name, "room is needed")

    def _drop(self, name: str, why: str = "it is not complete") -> None:
        with self._lock:
            if name in self._busy:
                return
            (self._directory / f"{name}.json").unlink(missing_ok=True)
            (self._directory / name).unlink(missing_ok=True)
            self._proven.pop(name, None)
        _LOG.info("cached image %s dropped: %s", name, why)


def _name(image: ImageSource) -> str:
    """Keyed by id and content: a changed image is another entry (S-017)."""
    digest = image.hash_value[:16].lower()
    if not is_uuid(image.id) or len(digest) != 16 or not digest.isalnum():
        raise errors.Invalid("The image has no usable id or hash.")
    return f"{image.id.lower()}-{digest}"


def _identity(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
