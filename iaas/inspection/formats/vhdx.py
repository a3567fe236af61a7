"""VHDX, fixed and dynamic, after [MS-VHDX]: no parent, no log to replay, no region or item that is not known here."""

from __future__ import annotations

import struct
import uuid

from iaas.inspection.formats.format import Format, Kept, Region, fields, must, power_of_two

_KIB, _MIB = 1 << 10, 1 << 20
_HEADERS = (64 * _KIB, 128 * _KIB)
_TABLES = (192 * _KIB, 256 * _KIB)
_MOST_REGIONS, _MOST_ITEMS = 16, 32
_MOST_METADATA = 2 * _MIB  # bytes; those who make such files use one MiB


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


_BAT = _guid("2DC27766-F623-4200-9D64-115E9BFD4A08")
_METADATA = _guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_PARAMETERS = _guid("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_SIZE = _guid("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_PAGE_83 = _guid("BECA12AB-B2E6-4523-93EF-C309E000C746")
_LOGICAL = _guid("8141BF1D-A96F-4709-BA47-F233A8FAAB5F")
_PHYSICAL = _guid("CDA348C7-445D-4471-9CC9-E9885251C556")
_LENGTHS = {_PARAMETERS: 8, _SIZE: 8, _PAGE_83: 16, _LOGICAL: 4, _PHYSICAL: 4}  # the parent locator is not among them
_HAS_PARENT = 1 << 1


class Vhdx(Format):
    def __init__(self) -> None:
        self._bat = Region(0, 0)

    def look(self, head: bytes) -> Region | None:
        must(head.startswith(b"vhdxfile") and len(head) >= _MIB, "Image content is not vhdx.")
        _current(head)
        first, second = (_regions(head, at) for at in _TABLES)
        must(first == second, "The vhdx's region tables differ.")
        must(set(first) == {_BAT, _METADATA}, "The vhdx's regions are not the known ones.")
        metadata, self._bat = first[_METADATA], first[_BAT]
        must(metadata.length <= _MOST_METADATA, "The vhdx's metadata are too large.")
        return metadata

    def measure(self, kept: Kept) -> int:
        items = _items(kept.region)
        must(set(items) == set(_LENGTHS), "The vhdx's metadata are not the known ones.")
        block, flags = fields("<II", items[_PARAMETERS])
        (size,) = fields("<Q", items[_SIZE])
        (logical,) = fields("<I", items[_LOGICAL])
        must(not flags & _HAS_PARENT and not flags >> 2, "The vhdx has a parent.")
        must(power_of_two(block) and _MIB <= block <= 256 * _MIB, "The vhdx has an impossible block size.")
        must(logical in (512, 4096) and size % logical == 0, "The vhdx has an impossible sector size.")
        must(size < 1 << 63, "The vhdx's disk has no possible size.")
        blocks = -(-size // block)
        ratio = (1 << 23) * logical // block  # blocks of data between two of the bitmap's
        must((blocks + (blocks - 1) // ratio) * 8 <= self._bat.length, "The vhdx's block table does not fit its size.")
        must(self._bat.offset < kept.size, "The vhdx is cut off: its block table is not in it.")
        return int(size)


def _current(head: bytes) -> None:
    """The newer of the two headers that are whole has no log: nothing is waiting to be written into the tables."""
    whole = [at for at in _HEADERS if head[at : at + 4] == b"head" and _sums(head[at : at + 4 * _KIB])]
    must(bool(whole), "The vhdx's headers are damaged.")
    newest = max(whole, key=lambda at: struct.unpack_from("<Q", head, at + 8)[0])
    must(not any(head[newest + 48 : newest + 64]), "The vhdx has a log that was not replayed.")
    log_version, version = struct.unpack_from("<HH", head, newest + 64)
    must((version, log_version) == (1, 0), "The vhdx is of an unknown version.")


def _regions(head: bytes, at: int) -> dict[bytes, Region]:
    signature, _, count, _ = fields("<4sIII", head, at)
    must(signature == b"regi" and 0 < count <= _MOST_REGIONS, "The vhdx's region table is damaged.")
    found: dict[bytes, Region] = {}
    for number in range(count):
        kind, offset, length, _ = fields("<16sQII", head, at + 16 + 32 * number)
        must(kind not in found, "The vhdx names a region twice.")
        must(offset % _MIB == 0 and _MIB <= offset < 1 << 62 and length > 0, "The vhdx's regions lie where they can't.")
        found[kind] = Region(offset, length)
    return found


def _items(data: bytes) -> dict[bytes, bytes]:
    signature, _, count = fields("<8sHH", data)
    must(signature == b"metadata" and 0 < count <= _MOST_ITEMS, "The vhdx's metadata are damaged.")
    found: dict[bytes, bytes] = {}
    for number in range(count):
        kind, offset, length, _ = fields("<16sIII", data, 32 + 32 * number)
        must(kind in _LENGTHS and kind not in found, "The vhdx's metadata are not the known ones.")
        must(length == _LENGTHS[kind] and 64 * _KIB <= offset <= len(data) - length, "The vhdx's metadata are damaged.")
        found[kind] = data[offset : offset + length]
    return found


def _sums(header: bytes) -> bool:
    """Whether CRC-32C over the header, its own four bytes taken as zeros, is what the header says."""
    return bool(crc32c(header[:4] + bytes(4) + header[8:]) == struct.unpack_from("<I", header, 4)[0])


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _row(number: int) -> int:
    for _ in range(8):
        number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
    return number


_TABLE = [_row(number) for number in range(256)]
