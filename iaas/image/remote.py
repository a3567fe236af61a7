"""Reading what a store keeps on another machine, from any offset on."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Body(Protocol):
    """The bytes of one answer."""

    def read(self, size: int, /) -> bytes | None: ...
    def close(self) -> None: ...


class RemoteBlob(io.RawIOBase):
    """Reads forward; a ``seek`` to elsewhere asks anew, and the first one is made at once, so that what is not there is
    known. ``ask(offset)`` gives the bytes from there on; ``translated`` words the errors of a read; ``leave`` is called
    at the end."""

    def __init__(
        self,
        ask: Callable[[int], Body],
        translated: Callable[[], AbstractContextManager[None]] = nullcontext,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._ask, self._translated, self._leave = ask, translated, leave
        self._body: Body | None = None
        self._at = -1
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Raises what ``ask`` raises."""
        if whence != 0:
            raise io.UnsupportedOperation("only from the beginning")
        if offset != self._at:
            self._drop()
            self._body, self._at = self._ask(offset), offset
        return offset

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        assert self._body is not None
        with self._translated():
            data = self._body.read(len(buffer)) or b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        self._leave()
        super().close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None
