"""VMDK: monolithicSparse and streamOptimized, one sparse file with its descriptor inside (S-005, CVE-2022-47951).

QEMU takes more from such a file than its header: a descriptor with parentFileNameHint, even in a comment and even past
the descriptor's declared end, opens that file as the backing file; a capacity of 0 makes it read the descriptor's
extents; a footer replaces the whole header. Each of these is looked for here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from iaas.inspection.formats.format import SECTOR, Format, Kept, Region, fields, must, power_of_two

_LAYOUT = "<4sIIQQQQIQQQB4sH"
_GD_AT_END = (1 << 64) - 1
_COMPRESSED, _MARKERS = 1 << 16, 1 << 17
_READ_BY_QEMU = 20 * SECTOR  # bytes that it takes for the descriptor, whatever the header says
_MOST_DESCRIPTOR = 128  # sectors
_FOOTER = 3  # the type of the marker before a footer
_TYPES = {"monolithicsparse", "streamoptimized"}
_EXTENT = re.compile(r'(?:rw|rdonly) ([0-9]{1,16}) sparse "([^"/\\:]{1,255})"')
_FIELD = re.compile(r"([a-z0-9_.]+)\s*=\s*(.*)")
_KNOWN = {"version", "encoding", "cid", "parentcid", "isnativesnapshot", "createtype", "changetrackpath"}


class _Header(NamedTuple):
    """SparseExtentHeader of the specification; numbers are sectors where they are no counts."""

    magic: bytes
    version: int
    flags: int
    capacity: int
    grain: int
    descriptor: int
    descriptor_size: int
    entries: int
    backup: int
    directory: int
    overhead: int
    unclean: int
    newlines: bytes
    compression: int


class Vmdk(Format):
    def __init__(self) -> None:
        self._header: _Header | None = None

    def look(self, head: bytes) -> Region | None:
        header = self._header = _Header(*fields(_LAYOUT, head))
        must(header.magic == b"KDMV" and header.version in (1, 2, 3), "Image content is not a sparse vmdk.")
        must(0 < header.capacity < 1 << 54, "The vmdk's disk has no possible size.")
        must(power_of_two(header.grain) and 8 <= header.grain <= 1 << 16, "The vmdk has an impossible grain size.")
        must(0 < header.entries <= 512, "The vmdk has impossible grain tables.")
        must(header.descriptor == 1, "The vmdk's descriptor lies where it can't.")
        must(0 < header.descriptor_size <= _MOST_DESCRIPTOR, "The vmdk's descriptor has an impossible size.")
        must(header.newlines == b"\n \r\n", "The vmdk was damaged by a text transfer.")
        packed = bool(header.flags & _COMPRESSED)
        must(header.compression == packed, "The vmdk's compression is unknown.")
        kind = _descriptor(head, header.descriptor_size * SECTOR, header.capacity)
        streamed = packed and bool(header.flags & _MARKERS)
        two_kinds = "The vmdk's descriptor and header are of two kinds."
        must((kind == "streamoptimized") == streamed, two_kinds)
        must(streamed or header.directory != _GD_AT_END, two_kinds)
        return None

    def measure(self, kept: Kept) -> int:
        assert self._header is not None
        last = self._header if self._header.directory != _GD_AT_END else self._footer(kept, self._header)
        for table in (last.directory, last.backup):
            must(table * SECTOR < kept.size, "The vmdk is cut off: its grain directory is not in it.")
        must(last.directory > 0, "The vmdk has no grain directory.")
        return self._header.capacity * SECTOR

    def _footer(self, kept: Kept, header: _Header) -> _Header:
        """Marker, footer, end-of-stream marker; the footer says what the header said, and where the directory is."""
        must(kept.size % SECTOR == 0, "The vmdk does not end at a sector.")
        end = kept.tail[-3 * SECTOR :]
        _, size, kind, rest = fields("<QII496s", end)
        must((size, kind) == (0, _FOOTER) and not any(rest), "The vmdk has no footer.")
        must(not any(end[2 * SECTOR :]), "The vmdk's stream does not end.")
        footer = _Header(*fields(_LAYOUT, end, SECTOR))
        must(_lasting(footer) == _lasting(header), "The vmdk's footer is not its header's.")
        must(footer.directory != _GD_AT_END, "The vmdk's footer names another footer.")
        return footer


def _lasting(header: _Header) -> _Header:
    """What header and footer must have in common."""
    return header._replace(backup=0, directory=0, overhead=0, unclean=0)


def _descriptor(head: bytes, length: int, capacity: int) -> str:
    """createType in lower case, of a descriptor in which every line is understood."""
    seen = head[SECTOR : SECTOR + max(length, _READ_BY_QEMU)]
    must(len(seen) >= length, "The vmdk's descriptor is cut off.")
    must(b"parentfilenamehint" not in seen.lower(), "The vmdk names a parent.")
    text, _, rest = seen[:length].partition(b"\0")
    must(not rest.strip(b"\0"), "The vmdk's descriptor goes on after its end.")
    must(len(text) < length or not seen[length:].strip(b"\0"), "The vmdk's descriptor does not end.")
    must(text.isascii(), "The vmdk's descriptor is not text.")
    found: dict[str, str] = {}
    extents = []
    for line in (line.strip() for line in text.decode("ascii").lower().splitlines()):
        if not line or line.startswith(("#", "ddb.")):
            continue
        field = _FIELD.fullmatch(line)
        if field:
            must(field[1] in _KNOWN and field[1] not in found, "The vmdk's descriptor has a line that is not allowed.")
            found[field[1]] = field[2].strip().strip('"')
        else:
            extents.append(_EXTENT.fullmatch(line))
    must(found.get("createtype") in _TYPES, "The vmdk is of a kind that is not allowed.")
    must(found.get("parentcid", "ffffffff") == "ffffffff", "The vmdk has a parent.")
    must(not found.get("changetrackpath"), "The vmdk names another file.")
    must(len(extents) == 1 and extents[0] is not None, "The vmdk's extents are not one in the file itself.")
    assert extents[0] is not None
    must(int(extents[0][1]) <= capacity, "The vmdk's extent is larger than its disk.")
    return found["createtype"]
