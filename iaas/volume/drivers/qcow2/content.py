"""An image's disk, to stand under volumes: fetched once a host and image, whoever asks, and proven before use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iaas import errors, failpoints
from iaas.host import files as host_files
from iaas.host.image_fetch import Fetch
from iaas.host.qemu_img import DRIVERS, QemuImg, inspected
from iaas.host.room import Room
from iaas.model.order import ImageSource
from iaas.volume.drivers.driver import Check
from iaas.volume.drivers.qcow2.files import FULL, Files, space_is_said


class Images:
    """``lock``: the driver's, under which what nothing stands on is removed. ``reserve``: bytes of the disk that no
    image may take."""

    def __init__(self, files: Files, qemu_img: QemuImg, fetch: Fetch, lock: threading.RLock, reserve: int) -> None:
        self._files, self._qemu_img, self._fetch, self._lock = files, qemu_img, fetch, lock
        self._room = Room(files.directory, reserve)
        self._busy: dict[str, threading.Event] = {}  # set when its maker has ended

    @contextmanager
    def base(self, image: ImageSource, check: Check) -> Iterator[Path]:
        """The image's disk, ready to stand on; the driver's lock is held meanwhile, so that it stays.

        Raises Invalid (not the recorded bytes, refers to other files), Unsupported (format), NotFound, Forbidden,
        Unavailable (the image service), NoValidHost (no space), and what ``check`` raises.
        """
        path = self._files.image(image.id, image.hash_value[:16].lower())
        while True:
            with self._alone(path.name, check):
                if not path.exists():
                    self._make(image, path, check)
            with self._lock:
                if path.exists():
                    yield path
                    return

    def _make(self, image: ImageSource, path: Path, check: Check) -> None:
        if image.format not in DRIVERS:
            raise errors.Unsupported(f"Volumes can't be made of {image.format} images here.")
        downloaded, made = host_files.partial(path), host_files.partial(path)
        try:
            with space_is_said(), self._promise(image):
                self._fetch(image, downloaded, check)
                failpoints.hit("volume.image.after_fetch")
                judged = inspected(downloaded, image.format, image.virtual_size)
                made.touch(mode=0o600, exist_ok=False)
                self._qemu_img.to_qcow2(judged, made, check)
                failpoints.hit("volume.image.after_convert")
                host_files.publish(made, path)
        finally:
            downloaded.unlink(missing_ok=True)
            made.unlink(missing_ok=True)

    @contextmanager
    def _promise(self, image: ImageSource) -> Iterator[None]:
        """Space for the download and for the disk (S-012). Raises NoValidHost."""
        need = image.size + image.virtual_size
        try:
            with self._room.promise(need):
                yield
        except errors.Unavailable as error:
            if error.details.get("resource") == "disk":
                raise errors.NoValidHost(FULL) from error
            raise

    @contextmanager
    def _alone(self, name: str, check: Check) -> Iterator[None]:
        """One thread at a time makes a file; the others wait for it, and then find it made."""
        while True:
            with self._lock:
                other = self._busy.get(name)
                if other is None:
                    mine = self._busy[name] = threading.Event()
                    break
            while not other.wait(0.5):
                check()
        try:
            yield
        finally:
            with self._lock:
                del self._busy[name]
            mine.set()
