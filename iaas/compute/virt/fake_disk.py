"""A disk that nobody ever wrote to, as a qcow2 file: what a copy of a fake guest's disk is. Pure."""

from __future__ import annotations

import struct

_CLUSTER = 1 << 16
_COVERED = _CLUSTER * (_CLUSTER // 8)  # bytes of disk that one entry of the first table stands for


def blank_qcow2(size: int) -> bytes:
    """Valid in every respect, 256 KiB long: header, reference counts (table and block), first table. ``size`` up to
    4 TiB."""
    entries = max(1, -(-size // _COVERED))
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, size, 0, entries, 3 * _CLUSTER, _CLUSTER, 1, 0, 0)
    counts = struct.pack(">4H", 1, 1, 1, 1)
    clusters = (header, struct.pack(">Q", 2 * _CLUSTER), counts, b"")
    return b"".join(part.ljust(_CLUSTER, b"\0") for part in clusters)
