"""The store in a Ceph pool: one RBD image a blob, by the distribution's python3-rados and python3-rbd.

A blob is written as ``<name>.part`` and renamed when it is complete and flushed, so that a reader sees all of it or
nothing. It grows while it is written and is cut to its size at the end. Every call to the cluster has a deadline of the
client's own options (``rados_*_timeout``), which are set here.
"""

from __future__ import annotations

import importlib
import io
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC
from typing import Any, BinaryIO, cast

from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.errors import Conflict, Invalid, NotFound, Unavailable
from iaas.image.faults import StoreFull
from iaas.image.store import Blob, Writer, checked

TIMEOUT_S = 30
GROWTH = 256 * 1024 * 1024  # bytes by which an image in the making grows
_PART = ".part"


class RbdStore:
    READ_ONLY = False

    def __init__(self, options: ImageStore, image: ImageOptions) -> None:
        try:
            self.rados, self.rbd = importlib.import_module("rados"), importlib.import_module("rbd")
        except ImportError:
            raise Invalid("The rbd store needs the packages python3-rados and python3-rbd.", field="stores") from None
        self._options = options

    @contextmanager
    def pool(self) -> Iterator[Any]:
        """An open pool; a connection a use, as a broken one must not outlive it."""
        timeout = str(TIMEOUT_S)
        conf = {"rados_mon_op_timeout": timeout, "rados_osd_op_timeout": timeout, "client_mount_timeout": timeout}
        options = self._options
        with self.translated():
            cluster = self.rados.Rados(conffile=options.rbd_ceph_conf, rados_id=options.rbd_user, conf=conf)
            cluster.connect(timeout=TIMEOUT_S)
            try:
                pool = cluster.open_ioctx(options.rbd_pool)
                try:
                    yield pool
                finally:
                    pool.close()
            finally:
                cluster.shutdown()

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except self.rbd.ImageNotFound:
            raise NotFound("There are no such data in the pool.") from None
        except self.rbd.ImageExists:
            raise Conflict("There are such data in the pool already.") from None
        except self.rbd.NoSpace:
            raise StoreFull("There is not enough space in the image store.") from None
        except (self.rbd.Error, self.rados.Error) as error:
            raise Unavailable(f"The image store can't be used: {type(error).__name__}.") from error

    def takes(self, url: str) -> bool:
        return False

    def writer(self, name: str) -> Writer:
        return _RbdWriter(self, checked(name))

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, _RbdReader(self, checked(name)))

    def delete(self, name: str) -> bool:
        checked(name)
        found = False
        with self.pool() as pool:
            for each in (name, name + _PART):
                with suppress(NotFound), self.translated():
                    self.rbd.RBD().remove(pool, each)
                    found = True
        return found

    def inventory(self) -> Iterator[Blob]:
        with self.pool() as pool:
            for each in self.rbd.RBD().list(pool):
                name = each.removesuffix(_PART)
                with suppress(NotFound, Invalid), self.translated():
                    checked(name)
                    with self.rbd.Image(pool, each, read_only=True) as image:
                        made = image.get_modify_timestamp().replace(tzinfo=UTC).timestamp()
                        age = max(0.0, time.time() - made)
                        yield Blob(name=name, size=image.size(), partial=each != name, age_s=age)

    def describe(self) -> dict[str, str]:
        return {"pool": self._options.rbd_pool}

    def free(self) -> int | None:
        return None


class _RbdWriter:
    def __init__(self, store: RbdStore, name: str) -> None:
        self._store, self._name, self._part = store, name, name + _PART
        self._at = self._size = 0
        self._done = False
        with self._pool() as pool:
            self._store.rbd.RBD().create(pool, self._part, 0, old_format=False)

    def write(self, data: bytes | memoryview) -> None:
        if not data:
            return
        with self._pool() as pool, self._store.rbd.Image(pool, self._part) as image:
            if self._at + len(data) > self._size:
                self._size = self._at + max(len(data), GROWTH)
                image.resize(self._size)
            image.write(bytes(data), self._at)
        self._at += len(data)

    def commit(self) -> None:
        with self._pool() as pool:
            with self._store.rbd.Image(pool, self._part) as image:
                image.resize(self._at)
                image.flush()
            self._store.rbd.RBD().rename(pool, self._part, self._name)
        self._done = True

    def abandon(self) -> None:
        if self._done:
            return
        self._done = True
        with suppress(NotFound), self._pool() as pool:
            self._store.rbd.RBD().remove(pool, self._part)

    @contextmanager
    def _pool(self) -> Iterator[Any]:
        with self._store.pool() as pool, self._store.translated():
            yield pool


class _RbdReader(io.RawIOBase):
    """One connection for the whole read."""

    def __init__(self, store: RbdStore, name: str) -> None:
        self._store, self._at = store, 0
        with ExitStack() as stack:
            pool = stack.enter_context(store.pool())
            with store.translated():
                self._image = stack.enter_context(store.rbd.Image(pool, name, read_only=True))
                self._size: int = self._image.size()
            self._open = stack.pop_all()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence != 0:
            raise io.UnsupportedOperation("only from the beginning")
        self._at = offset
        return offset

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = min(len(buffer), max(0, self._size - self._at))
        if count:
            with self._store.translated():
                buffer[:count] = self._image.read(self._at, count)
            self._at += count
        return count

    def close(self) -> None:
        self._open.close()
        super().close()


PLUGIN = RbdStore
