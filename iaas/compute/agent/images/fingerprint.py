"""A hash of a sparse file's content that reads only what is there. Knows nothing of images.

Blocks of zeros count as holes, so the hash does not depend on where the file system keeps holes.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

_BLOCK = 65536
_ZEROS = bytes(_BLOCK)


def fingerprint(path: Path) -> str:
    """BLAKE2b over the file's size and its blocks of 64 KiB that are not all zero, each with its position."""
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        size = os.fstat(descriptor).st_size
        digest.update(size.to_bytes(8, "big"))
        for start in _blocks(descriptor, size):
            block = os.pread(descriptor, _BLOCK, start)
            if block != _ZEROS[: len(block)]:
                digest.update(start.to_bytes(8, "big"))
                digest.update(block)
    return digest.hexdigest()


def _blocks(descriptor: int, size: int) -> Iterator[int]:
    """Start of every block that has data in it."""
    position = 0
    while position < size:
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole up to the end
                return
            raise
        hole = os.lseek(descriptor, data, os.SEEK_HOLE)
        start = data - data % _BLOCK
        position = max(position, start)
        while position < hole:
            yield position
            position += _BLOCK
