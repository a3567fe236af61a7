"""Makes disk images byte by byte, honest and hostile, small and without any tool."""

from __future__ import annotations

import struct
from typing import Any

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
    data = bytearray(header.ljust(4 * 65536, b"\0"))
    data[4096 : 4096 + len(backing)] = backing
    return bytes(data)


def extension(kind: int, data: bytes) -> bytes:
    return struct.pack(">II", kind, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")


def vmdk(
    *, kind: str = "monolithicSparse", extent: str = 'RW 131072 SPARSE "disk.vmdk"', desc_sector: int = 1,
    version: int = 1, gd: int = 21, further: str = "",
) -> bytes:  # fmt: skip
    text = (
        f'# Disk DescriptorFile\nversion=1\nCID=00000001\nparentCID=ffffffff\ncreateType="{kind}"\n{extent}\n{further}'
    )
    header = struct.pack("<4sIIQQQQIQQ", b"KDMV", version, 3, SIZE // 512, 128, desc_sector, 20, 512, 0, gd)
    return header.ljust(512, b"\0") + text.encode().ljust(20 * 512, b"\0") + bytes(65536)


def vmdk_text(kind: str = "monolithicFlat", extent: str = 'RW 131072 FLAT "/etc/shadow" 0') -> bytes:
    return f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="{kind}"\n{extent}\n'.encode()


def vdi(size: int = SIZE) -> bytes:
    data = bytearray(2 * MIB)
    data[:40] = b"<<< Oracle VM VirtualBox Disk Image >>>\n"
    data[0x40:0x44] = struct.pack("<I", 0xBEDA107F)
    data[0x170:0x178] = struct.pack("<Q", size)
    return bytes(data)


def vhd(size: int = SIZE) -> bytes:
    data = bytearray(65536)
    data[:8] = b"conectix"
    data[40:48] = struct.pack(">Q", size)
    return bytes(data)


def vhdx(size: int = SIZE) -> bytes:
    data = bytearray(2 * MIB)
    data[:8] = b"vhdxfile"
    region = bytes.fromhex("06a27c8b90479a4bb8fe575f050f886e")
    data[192 * 1024 : 192 * 1024 + 16] = struct.pack("<4sIII", b"regi", 0, 1, 0)
    data[192 * 1024 + 16 : 192 * 1024 + 48] = region + struct.pack("<QII", MIB, MIB, 1)
    item = bytes.fromhex("2442a52f1bcd7648b2115dbed83bf4b8")
    data[MIB : MIB + 12] = struct.pack("<8sHH", b"metadata", 0, 1)
    data[MIB + 32 : MIB + 64] = item + struct.pack("<IIII", 65536, 8, 0, 0)
    data[MIB + 65536 : MIB + 65544] = struct.pack("<Q", size)
    return bytes(data)


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


HONEST: dict[str, Any] = {
    "raw": raw(), "qcow2": qcow2(), "vmdk": vmdk(), "vdi": vdi(), "vhd": vhd(), "vhdx": vhdx(), "iso": iso(),
}  # fmt: skip
OUTLAWS: dict[str, bytes] = {
    "qed": b"QED\0" + bytes(70000),
    "luks": b"LUKS\xba\xbe" + struct.pack(">H", 1) + bytes(70000),
    "luks2": b"LUKS\xba\xbe" + struct.pack(">H", 2) + bytes(70000),
    "parallels": b"WithouFreSpacExt" + bytes(70000),
    "bochs": b"Bochs Virtual HD Image" + bytes(70000),
    "cloop": b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop" + bytes(70000),
    "dmg": raw() + b"koly" + bytes(508),
    "cow": b"COWD" + bytes(70000),
    "descriptor": vmdk_text(),
    "descriptor with blanks": b"\n  \n" + vmdk_text(),
    "descriptor without its title": vmdk_text().partition(b"\n")[2],
    "damaged vmdk": vmdk(desc_sector=7),
    "vmdk of the future": vmdk(version=9),
}
