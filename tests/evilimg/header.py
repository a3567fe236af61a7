"""Headers made byte by byte, honest and hostile, small and without any tool."""

from __future__ import annotations

import struct

MIB = 1024 * 1024
SIZE = 64 * MIB  # of the disk inside


def qcow2(
    *, version: int = 3, backing: bytes = b"", features: int = 0, crypt: int = 0, bits: int = 16, size: int = SIZE,
    length: int = 104, extensions: bytes = struct.pack(">II", 0, 0), l1: int | None = None,
) -> bytes:  # fmt: skip
    cluster = 1 << max(9, min(bits, 21))
    entries = l1 if l1 is not None else -(-size // (cluster * (cluster // 8)))
    at = 4096 if backing else 0
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", version, at, len(backing), bits, size, crypt, entries,
                         3 * cluster, cluster, 1, 0, 0)  # fmt: skip
    if version >= 3:
        header += struct.pack(">QQQII", features, 0, 0, 4, length) + extensions
    data = bytearray(header.ljust(max(4 * 65536, 3 * cluster + min(entries * 8, 65536)), b"\0"))
    data[4096 : 4096 + len(backing)] = backing
    return bytes(data)


def extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">II", kind, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")


def vmdk_text(kind: str = "monolithicFlat", extent: str = 'RW 2048 FLAT "canary" 0') -> bytes:
    return f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="{kind}"\n{extent}\n'.encode()


def iso(blocks: int = 32) -> bytes:
    data = bytearray(blocks * 2048)
    data[32768:32775] = b"\x01CD001\x01"
    data[32768 + 80 : 32768 + 84] = struct.pack("<L", blocks)
    data[32768 + 128 : 32768 + 130] = struct.pack("<H", 2048)
    return bytes(data)


def mbr(data: bytes) -> bytes:
    """The data with a partition table in the first sector."""
    table = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0]) + struct.pack("<II", 2048, 100000)
    return data[:446] + table + bytes(48) + b"\x55\xaa" + data[512:]


def raw(size: int = MIB) -> bytes:
    return b"\xeb\x3c" + b"boot" * (size // 4)


def spliced(data: bytes, at: int, other: bytes) -> bytes:
    """Another format's beginning written over the data at an offset: a polyglot (S-006)."""
    result = bytearray(data.ljust(at + len(other), b"\0"))
    result[at : at + len(other)] = other
    return bytes(result)
