"""A part of a file as a response body: an iterator of pieces, which a server that can may send by itself.

``iaas.api.gateway`` sends it with sendfile(2); any other WSGI server iterates.
"""

from __future__ import annotations

import contextlib
import os
from typing import BinaryIO

from iaas.errors import Unavailable

PIECE = 256 * 1024


class FileBody:
    """``length`` bytes from ``offset``; ``close`` may be called any number of times."""

    def __init__(self, file: BinaryIO, offset: int, length: int) -> None:
        self.file, self.offset, self.length = file, offset, length
        self._at, self._left = offset, length

    def __iter__(self) -> FileBody:
        return self

    def __next__(self) -> bytes:
        if self._left <= 0:
            self.close()
            raise StopIteration
        piece = os.pread(self.file.fileno(), min(PIECE, self._left), self._at)
        if not piece:  # the Content-Length is sent already: the client must see a broken connection, not an end
            self.close()
            raise Unavailable("The image's data are shorter than recorded.")
        self._at += len(piece)
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.file.close()


class StreamBody:
    """As FileBody, of data that are no file here: they are read as they come."""

    def __init__(self, file: BinaryIO, offset: int, length: int) -> None:
        self._file, self._left = file, length
        if offset:
            file.seek(offset)

    def __iter__(self) -> StreamBody:
        return self

    def __next__(self) -> bytes:
        if self._left <= 0:
            self.close()
            raise StopIteration
        piece = self._file.read(min(PIECE, self._left))
        if not piece:
            self.close()
            raise Unavailable("The image's data are shorter than recorded.")
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def body_of(file: BinaryIO, offset: int, length: int) -> FileBody | StreamBody:
    """``length`` bytes of the file from ``offset``, as fast as its kind allows."""
    try:
        file.fileno()
    except OSError:  # io.UnsupportedOperation, too
        return StreamBody(file, offset, length)
    return FileBody(file, offset, length)
