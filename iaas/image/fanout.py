"""The same bytes into several stores at once, as one Writer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from iaas.errors import Error, NotFound
from iaas.image.store import Writer
from iaas.image.store_set import StoreSet

log = logging.getLogger(__name__)


class Fanout:
    """A store that fails ends all of it, or, if not ``all_must``, drops out as long as another is left.

    ``failed``: why, by store. After ``commit`` the blob is in every store of ``stored``.
    """

    def __init__(self, stores: StoreSet, ids: Iterable[str], name: str, all_must: bool = True) -> None:
        self._stores, self._name, self._all_must = stores, name, all_must
        self._writers: dict[str, Writer | None] = dict.fromkeys(ids)  # None: not begun, or committed
        self.failed: dict[str, str] = {}
        try:
            self._each(self._begin)
        except Exception:
            self.abandon()
            raise

    @property
    def stored(self) -> tuple[str, ...]:
        return tuple(self._writers)

    def write(self, data: bytes | memoryview) -> None:
        """As a Writer's; the error is the last store's."""

        def write(_: str, writer: Writer | None) -> None:
            assert writer is not None
            writer.write(data)

        self._each(write)

    def commit(self) -> None:
        """Raises as a Writer; then ``abandon`` takes back what other stores have committed."""
        self._each(self._commit)

    def abandon(self) -> None:
        """Leaves nothing of it in any store, or logs what could not be removed: the sweep will."""
        for id, writer in self._writers.items():
            self._take_back(id, writer)

    def _take_back(self, id: str, writer: Writer | None) -> None:
        try:
            if writer is None:
                self._stores[id].delete(self._name)
            else:
                writer.abandon()
        except Error as error:
            log.warning("%s stays in the store %s until the sweep: %s", self._name, id, error.message)

    def _begin(self, id: str, _: Writer | None) -> None:
        self._writers[id] = self._stores[id].writer(self._name)

    def _commit(self, id: str, writer: Writer | None) -> None:
        if writer is not None:
            writer.commit()
            self._writers[id] = None

    def _each(self, act: Callable[[str, Writer | None], object]) -> None:
        for id, writer in list(self._writers.items()):
            try:
                act(id, writer)
            except NotFound:  # deleted while it was written: that concerns all stores
                raise
            except Error as error:
                if self._all_must or len(self._writers) == 1:
                    raise
                log.warning("%s is not written to the store %s: %s", self._name, id, error.message)
                self.failed[id] = error.message
                if writer is not None:
                    self._take_back(id, writer)
                del self._writers[id]
