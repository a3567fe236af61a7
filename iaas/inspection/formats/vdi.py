"""VDI of VirtualBox, version 1.1: dynamic or static, no parent and no link to another file."""

from __future__ import annotations

from iaas.inspection.formats.format import SECTOR, Format, Kept, Region, fields, must

_MIB = 1 << 20
_DYNAMIC, _STATIC = 1, 2
_MOST_BLOCKS = 0x3FFFFFFF  # as in QEMU


class Vdi(Format):
    def __init__(self) -> None:
        self._size, self._ends, self._data = 0, 0, 0

    def look(self, head: bytes) -> Region | None:
        must(len(head) >= SECTOR, "The image's header is cut off.")
        signature, version, _, kind = fields("<4sIII", head, 0x40)
        must(signature == b"\x7f\x10\xda\xbe" and version == 0x00010001, "Image content is not vdi of version 1.1.")
        must(kind in (_DYNAMIC, _STATIC), "The vdi is neither dynamic nor static.")
        table, data = fields("<II", head, 0x154)
        sector, _, size, block, extra, blocks, allocated = fields("<IIQIIII", head, 0x168)
        must(sector == SECTOR and block == _MIB and not extra, "The vdi has an impossible block size.")
        must(0 < size < 1 << 63 and allocated <= blocks <= _MOST_BLOCKS, "The vdi's disk has no possible size.")
        must(blocks * block >= size, "The vdi's block table does not fit its size.")
        must(not any(head[0x1A8:0x1C8]), "The vdi has a parent.")
        must(table % SECTOR == 0 and table >= SECTOR, "The vdi's block table lies where it can't.")
        must(data % SECTOR == 0 and table + blocks * 4 <= data, "The vdi's data lie where they can't.")
        self._size, self._ends, self._data = -(-size // SECTOR) * SECTOR, table + blocks * 4, allocated * _MIB + data
        return None

    def measure(self, kept: Kept) -> int:
        must(self._ends <= kept.size, "The vdi is cut off: its block table is not in it.")
        must(self._data <= kept.size, "The vdi is cut off.")
        return self._size
