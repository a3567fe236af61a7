"""VHD (QEMU: vpc), fixed and dynamic: the specification is Microsoft's "Virtual Hard Disk Image Format", 2006.

QEMU's driver knows no differencing disks and opens one as if it were whole; it is refused here, as is any trace of a
parent. Which of two sizes counts depends on the program that made the file; the rule here is QEMU's.
"""

from __future__ import annotations

from iaas.inspection.formats.format import SECTOR, Format, Kept, Region, fields, must, power_of_two

COOKIE = b"conectix"
_FIXED, _DYNAMIC = 2, 3
_LARGEST_GEOMETRY = 65535 * 16 * 255  # sectors: the geometry says no more, the size counts
_BY_SIZE = (b"win ", b"qem2", b"d2v ", b"tap\0", b"CTXS", b"wa\0\0")  # programs whose geometry is for show
_DYNAMIC_HEADER = 1024


class Vhd(Format):
    def __init__(self) -> None:
        self._footer: bytes | None = None  # its copy at the beginning, of a dynamic disk
        self._ends = 0

    def look(self, head: bytes) -> Region | None:
        if not head.startswith(COOKIE):
            return None  # fixed: the disk comes first
        must(len(head) >= SECTOR, "The image's header is cut off.")
        self._footer = head[:SECTOR]
        must(_kind(self._footer) == _DYNAMIC, "The vhd is neither fixed nor dynamic.")
        (at,) = fields(">Q", head, 16)
        must(SECTOR <= at <= len(head) - _DYNAMIC_HEADER, "The vhd's header lies where it can't.")
        header = head[at : at + _DYNAMIC_HEADER]
        cookie, further, table, _, entries, block = fields(">8sQQIII", header)
        must(cookie == b"cxsparse" and further == (1 << 64) - 1, "The vhd's header is damaged.")
        must(_sums(header, 36), "The vhd's header is damaged.")
        must(not any(header[40:56]) and not any(header[64:768]), "The vhd has a parent.")
        must(power_of_two(block) and SECTOR <= block <= 1 << 28, "The vhd has an impossible block size.")
        must(entries * block >= size_of(self._footer), "The vhd's block table does not fit its size.")
        must(entries <= 1 << 24, "The vhd's block table is too large.")
        must(table % SECTOR == 0 and table >= at + _DYNAMIC_HEADER, "The vhd's block table lies where it can't.")
        self._ends = table + entries * 4
        return None

    def measure(self, kept: Kept) -> int:
        must(kept.size % SECTOR == 0, "The vhd does not end at a sector.")  # QEMU looks for the footer at one
        footer = kept.tail[-SECTOR:]
        must(footer[:8] == COOKIE and len(footer) == SECTOR, "The vhd is cut off: it has no footer.")
        must(_sums(footer, 64), "The vhd's footer is damaged.")
        if self._footer is not None:
            must(footer == self._footer, "The vhd's footer and its copy differ.")
            must(self._ends + SECTOR <= kept.size, "The vhd is cut off: its block table is not in it.")
            return size_of(footer)
        must(_kind(footer) == _FIXED, "The vhd is neither fixed nor dynamic.")
        must(size_of(footer) + SECTOR <= kept.size, "The vhd is cut off.")
        return size_of(footer)


def size_of(footer: bytes) -> int:
    """Bytes of the disk, from the footer's 512."""
    (program,) = fields("4s", footer, 28)
    (size,) = fields(">Q", footer, 48)
    cylinders, heads, sectors = fields(">HBB", footer, 56)
    geometry: int = cylinders * heads * sectors
    if program in _BY_SIZE or geometry == _LARGEST_GEOMETRY:
        return int(size) // SECTOR * SECTOR
    return geometry * SECTOR


def _kind(footer: bytes) -> int:
    return int(fields(">I", footer, 60)[0])


def _sums(data: bytes, at: int) -> bool:
    """Whether the checksum at that place is the complement of the sum of all other bytes."""
    return bool(fields(">I", data, at)[0] == ~(sum(data) - sum(data[at : at + 4])) & 0xFFFFFFFF)
