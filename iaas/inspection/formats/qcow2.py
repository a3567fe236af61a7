"""qcow2, versions 2 and 3, as docs/interop/qcow2.txt of QEMU describes it: one file that needs no other.

Refused beyond what nobody could read: backing and external data files, encryption, extended L2 entries, the corrupt
mark, feature bits and header extensions that are not known here (an external data file was one, once), and tables that
do not fit the file or would cost QEMU memory on opening (S-001, S-002, S-008, S-010, S-013).
"""

from __future__ import annotations

from iaas.inspection.formats.format import SECTOR, Format, Kept, Region, fields, must

_DIRTY, _COMPRESSION = 1 << 0, 1 << 3  # incompatible features that may be set
_RAW_DATA_FILE = 1 << 1  # an autoclear feature
_BITMAPS, _FEATURE_NAMES = 0x23852875, 0x6803F857  # extensions that may be there
_MOST_EXTENSIONS = 16
_MOST_ENTRIES = 1000  # of snapshots, and of bitmaps: QEMU reads all of them to open the file
_MOST_TABLE = 32 << 20  # bytes of the first-level table, as in QEMU
_MOST_REFCOUNTS = 8 << 20  # bytes of the table of refcount blocks, as in QEMU
_MOST_BITMAPS = 1 << 20  # bytes of the directory of bitmaps


class Qcow2(Format):
    def __init__(self) -> None:
        self._size = 0
        self._ends: list[tuple[str, int]] = []  # what the header says is there -> where it ends

    def look(self, head: bytes) -> Region | None:
        magic, version, backing, backing_name, cluster_bits, size, crypt = fields(">4sIQIIQI", head)
        must(magic == b"QFI\xfb" and version in (2, 3), "Image content is not qcow2 of version 2 or 3.")
        must(not backing and not backing_name, "The qcow2 has a backing file.")
        must(not crypt, "The qcow2 is encrypted.")
        must(9 <= cluster_bits <= 21, "The qcow2 has an impossible cluster size.")
        must(size % SECTOR == 0, "The qcow2's disk does not end at a sector.")
        self._size, cluster = size, 1 << cluster_bits
        self._tables(head, cluster)
        length = self._version3(head, cluster) if version == 3 else 72
        self._extensions(head, length, cluster)
        return None

    def measure(self, kept: Kept) -> int:
        for what, end in self._ends:
            must(end <= kept.size, f"The qcow2 is cut off: its {what} is not in the file.")
        return self._size

    def _tables(self, head: bytes, cluster: int) -> None:
        entries, l1, refcounts, refcount_clusters, snapshots, snapshot_table = fields(">IQQIIQ", head, 36)
        must(entries * 8 <= _MOST_TABLE, "The qcow2's cluster table is too large.")
        must(entries * cluster * (cluster // 8) >= self._size, "The qcow2's cluster table does not fit its size.")
        must(
            0 < refcount_clusters * cluster <= max(_MOST_REFCOUNTS, cluster), "The qcow2's refcount table is no table."
        )
        must(snapshots <= _MOST_ENTRIES, f"The qcow2 has more than {_MOST_ENTRIES} snapshots.")
        self._stands(l1, entries * 8, cluster, "cluster table")
        self._stands(refcounts, SECTOR, cluster, "refcount table")
        if snapshots:
            self._stands(snapshot_table, snapshots * 40, cluster, "snapshot table")

    def _stands(self, offset: int, length: int, cluster: int, what: str) -> None:
        must(offset % cluster == 0 and cluster <= offset < 1 << 56, f"The qcow2's {what} lies where it can't.")
        self._ends.append((what, offset + length))

    def _version3(self, head: bytes, cluster: int) -> int:
        """The length of the header."""
        incompatible, _, autoclear, refcount_order, length = fields(">QQQII", head, 72)
        must(not incompatible & ~(_DIRTY | _COMPRESSION), "The qcow2 needs features that are not allowed.")
        must(not autoclear & _RAW_DATA_FILE, "The qcow2 names another file.")
        must(refcount_order <= 6, "The qcow2's refcounts have an impossible width.")
        must(104 <= length <= cluster and length % 8 == 0, "The qcow2 has an impossible header length.")
        compression = fields(">B", head, 104)[0] if length > 104 else 0
        must(compression == (1 if incompatible & _COMPRESSION else 0), "The qcow2's compression is unknown.")
        return int(length)

    def _extensions(self, head: bytes, at: int, end: int) -> None:
        """They must end, inside the first cluster, and name no other file. Version 2 may have them, too."""
        for _ in range(_MOST_EXTENSIONS):
            if at == end:
                return
            kind, length = fields(">II", head, at)
            if kind == 0:
                return
            must(length <= end - at - 8, "The qcow2 header's extensions do not end.")
            must(kind in (_BITMAPS, _FEATURE_NAMES), "The qcow2 header has an extension that is not allowed.")
            if kind == _BITMAPS:
                self._bitmaps(head, at + 8, length, end)
            at += 8 + (length + 7) // 8 * 8
            must(at <= end, "The qcow2 header's extensions do not end.")
        must(False, "The qcow2 header has too many extensions.")

    def _bitmaps(self, head: bytes, at: int, length: int, cluster: int) -> None:
        must(length == 24, "The qcow2's bitmaps are damaged.")
        count, _, directory, offset = fields(">IIQQ", head, at)
        must(0 < count <= _MOST_ENTRIES and 0 < directory <= _MOST_BITMAPS, "The qcow2 has too many bitmaps.")
        self._stands(offset, directory, cluster, "directory of bitmaps")
