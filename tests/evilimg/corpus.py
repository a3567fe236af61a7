"""Hostile images: honest ones with one thing wrong, each under the disk_format that it is uploaded as.

``told`` and ``guessed`` of an Evil say whether QEMU 7.2's qemu-img reads the canary from it when it is told the
declared format, and when it guesses: tests/unit/inspection/test_hostile.py proves what they claim, so that the corpus
can't become harmless.
"""

from __future__ import annotations

import functools
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iaas.inspection.formats.vhdx import crc32c
from tests.evilimg import header
from tests.evilimg.good import MIB, plain, qemu_img

END = struct.pack(">II", 0, 0)
READ = {"told": True, "guessed": True}


@dataclass(frozen=True, kw_only=True)
class Evil:
    """``row``: of RELIABILITY.md."""

    name: str
    declared: str
    data: bytes
    row: str
    told: bool = False
    guessed: bool = False

    def __str__(self) -> str:
        return self.name


def put(data: bytes, at: int, layout: str, *values: object) -> bytes:
    """The data with fields overwritten; ``at`` may count from the end."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, at if at >= 0 else len(data) + at, *values)
    return bytes(changed)


def _qcow2_on(backing: str, *options: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="evilimg-") as name:
        directory = Path(name)
        qemu_img(directory, "create", "-q", "-u", "-f", "qcow2", *options, "-b", backing, "-F", "raw", "t", "1M")
        return (directory / "t").read_bytes()


def _data_file() -> bytes:
    """All clusters are mapped one to one into the data file."""
    with tempfile.TemporaryDirectory(prefix="evilimg-") as name:
        directory = Path(name)
        options = "data_file=canarx,data_file_raw=on,preallocation=metadata"
        qemu_img(directory, "create", "-q", "-f", "qcow2", "-o", options, "t", "1M")
        return (directory / "t").read_bytes().replace(b"canarx", b"canary")


def _references() -> Iterator[Evil]:
    """Other files and addresses, as qcow2 can name them."""
    json = 'json:{"driver":"raw","file":{"driver":"file","filename":"canary"}}'
    for name, backing, row, read in (
        ("backing file", "canary", "S-001", READ),
        ("backing json", json, "S-003", READ),
        ("backing file protocol", "file:canary", "S-001", READ),
        ("backing nbd", "nbd://127.0.0.1:9/x", "S-003", {}),
        ("backing http", "http://127.0.0.1:9/x", "S-003", {}),
        ("backing ssh", "ssh://127.0.0.1:9/x", "S-003", {}),
        ("backing vvfat", "fat:.", "S-003", READ),
    ):
        yield Evil(name=f"qcow2 {name}", declared="qcow2", data=_qcow2_on(backing), row=row, **read)
    old = _qcow2_on("canary", "-o", "compat=0.10")
    yield Evil(name="qcow2 v2 backing file", declared="qcow2", data=old, row="S-001", **READ)
    unnamed = put(plain("qcow2"), 16, ">I", 6)
    yield Evil(name="qcow2 backing name without place", declared="qcow2", data=unnamed, row="S-001")
    kind_only = put(plain("qcow2"), 112, ">II8s8s", 0xE2792ACA, 3, b"raw", END)
    yield Evil(name="qcow2 backing format alone", declared="qcow2", data=kind_only, row="S-001")
    yield Evil(name="qcow2 data file", declared="qcow2", data=_data_file(), row="S-002", **READ)
    for name, features, autoclear, named in (
        ("data file bit", 4, 0, False), ("data file name", 0, 0, True), ("raw data file bit", 0, 2, False),
    ):  # fmt: skip
        data = put(put(plain("qcow2"), 72, ">Q", features), 88, ">Q", autoclear)
        if named:
            data = put(data, 112, ">II8s8s", 0x44415441, 6, b"canary", END)
        yield Evil(name=f"qcow2 {name}", declared="qcow2", data=data, row="S-002")


def _qcow2() -> Iterator[Evil]:
    good = plain("qcow2")

    def evil(name: str, data: bytes, row: str = "S-008") -> Evil:
        return Evil(name=f"qcow2 {name}", declared="qcow2", data=data, row=row)

    for version in (0, 1, 4, 0xFFFFFFFF):
        yield evil(f"version {version}", put(good, 4, ">I", version))
    for bit in (1, 5, 63):
        yield evil(f"feature bit {bit}", put(good, 72, ">Q", 1 << bit))
    yield evil("extended L2", _made("qcow2", "extended_l2=on"))
    for name, length in (("no", 0), ("odd", 105), ("huge", 1 << 31), ("short", 72)):
        yield evil(f"{name} header length", put(good, 100, ">I", length))
    yield evil("extension of an unknown kind", put(good, 112, ">II8s8s", 0x12345678, 8, b"", END))
    yield evil("extension without end", put(good, 112, ">II", 0x6803F857, 0xFFFFFFFF))
    yield evil("extensions without end", put(good, 112, f"{65424 // 8 * 8}s", struct.pack(">II", 0x6803F857, 0) * 8178))
    for bits in (0, 8, 22, 63, 0xFFFFFFFF):
        yield evil(f"cluster bits {bits}", put(good, 20, ">I", bits))
    yield evil("refcount order 7", put(good, 96, ">I", 7))
    yield evil("compression type 9", put(good, 104, ">B", 9))
    yield evil("size 0", put(good, 24, ">Q", 0))
    yield evil("size past 2^63", put(good, 24, ">Q", (1 << 63) + 512), "S-011")
    yield evil("size of half a sector", put(good, 24, ">Q", MIB - 100))
    bomb = header.qcow2(size=1 << 50, bits=21, l1=(1 << 50) // (1 << 39))
    yield evil("1 PiB in few bytes", bomb.ljust(3 * (2 << 20) + 2048 * 8, b"\0"), "S-011")
    yield evil("AES", put(good, 32, ">I", 1), "S-010")
    locked = put(put(good, 32, ">I", 2), 112, ">IIQQ8s", 0x0537BE77, 16, 65536, 592, END)
    yield evil("LUKS", put(locked, 65536, "592s", _luks()[:592]), "S-010")
    for name, at, layout, value in (
        ("cluster table of 32 GiB", 36, ">I", 0xFFFFFFFF), ("no cluster table", 36, ">I", 0),
        ("cluster table between clusters", 40, ">Q", 0x30001), ("cluster table past the end", 40, ">Q", 1 << 40),
        ("cluster table in the header", 40, ">Q", 0), ("refcount table past the end", 48, ">Q", 1 << 40),
        ("refcount table huge", 56, ">I", 0xFFFFFFFF), ("no refcount table", 56, ">I", 0),
    ):  # fmt: skip
        yield evil(name, put(good, at, layout, value), "S-013")
    yield evil("65,536 snapshots", put(good, 60, ">IQ", 65536, 65536), "S-013")
    yield evil("snapshots past the end", put(good, 60, ">IQ", 100, 1 << 40), "S-013")
    for name, values in (
        ("65,535 bitmaps", (65535, 0, 1 << 20, 65536)), ("directory of bitmaps huge", (1, 0, 1 << 40, 65536)),
        ("bitmaps past the end", (1, 0, 64, 1 << 40)),
    ):  # fmt: skip
        yield evil(name, put(good, 112, ">IIIIQQ8s", 0x23852875, 24, *values, END), "S-013")
    for length in (4, 40, 100, 65536):
        yield evil(f"cut off at {length}", good[:length])


def _vmdk() -> Iterator[Evil]:
    good, streamed = plain("vmdk"), plain("vmdk", "subformat=streamOptimized")
    text = good[512:1536].rstrip(b"\0").decode()

    def evil(name: str, data: bytes, told: bool = False, guessed: bool = False) -> Evil:
        return Evil(name=f"vmdk {name}", declared="vmdk", data=data, row="S-005", told=told, guessed=guessed)

    def described(changed: str, data: bytes = good) -> bytes:
        return put(data, 512, "10240s", changed.encode())

    for kind in ("monolithicFlat", "twoGbMaxExtentFlat", "vmfs", "twoGbMaxExtentSparse", "seSparse"):
        yield evil(f"descriptor {kind}", header.vmdk_text(kind), True, True)
    commented = b"# a comment\n\n" + header.vmdk_text().partition(b"\n")[2]
    yield evil("descriptor with blank lines", commented, True)
    for kind in ("monolithicFlat", "twoGbMaxExtentFlat", "vmfs", "fullDevice", "vmfsRaw", "custom", "seSparse", ""):
        yield evil(f"inside, of type {kind}", described(text.replace("monolithicSparse", kind)))
    empty = _made("vmdk", "")  # nothing is allocated: what a parent has shows through
    linked = text.replace("parentCID=ffffffff", "parentCID=c0ffee00")
    for name, parent in (
        ("with a parent", 'parentFileNameHint="canary.vmdk"'),
        ("with a parent in a comment", '#parentFileNameHint="canary.vmdk"'),
        ("with a parent in the data base", 'ddb.parentFileNameHint="canary.vmdk"'),
    ):  # fmt: skip
        yield evil(name, described(f"{linked}{parent}\n", empty), True, True)
    padded = linked + "#" * (-len(linked) % 512)
    short = described(padded + '\nparentFileNameHint="canary.vmdk"\n', empty)
    yield evil("with a parent past the descriptor's end", put(short, 36, "<Q", len(padded) // 512), True, True)
    yield evil("of a parent's id", described(linked))
    flat = text.replace("monolithicSparse", "monolithicFlat").replace("SPARSE", "FLAT").replace('t"', 'canary" 0')
    yield evil("of capacity 0, flat extent", put(described(flat), 12, "<Q", 0))
    for name, extent in (
        ("two extents", 'RW 2048 SPARSE "t"\nRW 2048 FLAT "canary" 0'), ("flat extent", 'RW 2048 FLAT "canary" 0'),
        ("extent elsewhere", 'RW 2048 SPARSE "/etc/shadow"'), ("extent of a protocol", 'RW 2048 SPARSE "nbd:x"'),
        ("no extent", "#"), ("extent too large", 'RW 4096000 SPARSE "t"'), ("zero extent", "RW 2048 ZERO"),
    ):  # fmt: skip
        yield evil(name, described(text.replace('RW 2048 SPARSE "t"', extent)))
    yield evil("two types", described(text + 'createType="monolithicFlat"\n'))
    yield evil("unknown line", described(text + "evil line here\n"))
    yield evil("change tracking file", described(text + 'changeTrackPath="canary"\n'))
    yield evil("descriptor that is not text", described(text.replace("CID=", "\u00e9=")))
    yield evil("stream in the descriptor only", described(text.replace("monolithicSparse", "streamOptimized")))
    for name, at, layout, value in (
        ("version 4", 4, "<I", 4), ("capacity 2^63", 12, "<Q", 1 << 63), ("grain 0", 20, "<Q", 0),
        ("grain 2^40", 20, "<Q", 1 << 40), ("descriptor elsewhere", 28, "<Q", 3), ("no descriptor", 28, "<Q", 0),
        ("descriptor huge", 36, "<Q", 1 << 50), ("grain tables huge", 44, "<I", 1 << 31),
        ("directory past the end", 56, "<Q", 1 << 40), ("no directory", 56, "<Q", 0),
        ("directory at an end without footer", 56, "<Q", (1 << 64) - 1), ("unknown compression", 77, "<H", 7),
    ):  # fmt: skip
        yield evil(name, put(good, at, layout, value))
    whole = footed(streamed)
    yield evil("footer of capacity 0", put(whole, -1024 + 12, "<Q", 0))
    yield evil("footer of a larger disk", put(whole, -1024 + 12, "<Q", 1 << 40))
    yield evil("footer of another descriptor", put(whole, -1024 + 28, "<Q", 2))
    yield evil("footer of another footer", put(whole, -1024 + 56, "<Q", (1 << 64) - 1))
    yield evil("footer of another version", put(whole, -1024 + 4, "<I", 1))
    yield evil("footer behind the end", whole + put(whole[-1536:], 512 + 12, "<Q", 0) + b"\0")
    yield evil("footer cut off", whole[:-512])
    yield evil("cut off at 300", good[:300])


def footed(streamed: bytes) -> bytes:
    """As VMware writes it: the directory is named by a footer only."""
    footer = streamed[:512]
    begun = put(streamed, 56, "<Q", (1 << 64) - 1)
    marker = struct.pack("<QII", 1, 0, 3).ljust(512, b"\0")
    return begun + bytes(-len(begun) % 512) + marker + footer + bytes(512)


def _summed(data: bytes, at: int, end: int) -> bytes:
    """With the checksum of a VHD structure of ``end`` bytes put in at ``at``."""
    data = put(data, at, ">I", 0)
    return put(data, at, ">I", ~sum(data[:end]) & 0xFFFFFFFF)


def vhd(at: int, layout: str, *values: object, where: str = "footer", footers: int = 2) -> bytes:
    """A dynamic VHD with a field changed and its checksums right."""
    good = plain("vhd")
    if where == "header":
        return good[:512] + _summed(put(good[512:1536], at, layout, *values), 36, 1024) + good[1536:]
    footer = _summed(put(good[:512], at, layout, *values), 64, 512)
    return footer + good[512:-512] + (footer if footers == 2 else good[-512:])


def _vhd() -> Iterator[Evil]:
    good, fixed = plain("vhd"), plain("vhd", "subformat=fixed")

    def evil(name: str, data: bytes, row: str = "S-005", **read: bool) -> Evil:
        return Evil(name=f"vhd {name}", declared="vhd", data=data, row=row, **read)

    yield evil("differencing", vhd(60, ">I", 4))
    yield evil("with a parent's id", vhd(40, "16s", b"parent" * 2, where="header"))
    yield evil("with a parent's name", vhd(64, "12s", "canary".encode("utf-16-be"), where="header"))
    yield evil("with a parent locator", vhd(576, ">4sIIIQ", b"W2ku", 512, 12, 0, 2048, where="header"))
    yield evil("of an unknown type", vhd(60, ">I", 9))
    yield evil("larger by its geometry than its table", vhd(56, ">HBB", 65535, 16, 250), "S-011")
    yield evil("of 2^63 bytes", _by_size(1 << 63), "S-011")
    yield evil("of no size", vhd(56, ">HBB", 0, 0, 0), "S-011")
    yield evil("block size 0", vhd(32, ">I", 0, where="header"), "S-013")
    yield evil("block size 3", vhd(32, ">I", 3 << 20, where="header"), "S-013")
    yield evil("block table huge", vhd(28, ">I", 0xFFFFFFFF, where="header"), "S-013")
    yield evil("block table past the end", vhd(16, ">Q", 1 << 40, where="header"), "S-013")
    yield evil("header past the end", vhd(16, ">Q", 1 << 40), "S-013")
    yield evil("header of another header", vhd(8, ">Q", 4096, where="header"))
    yield evil("footer and copy differ", vhd(48, ">Q", MIB * 2, footers=1))
    yield evil("without footer", good[:-512])
    yield evil("sum wrong", put(good, 48, ">Q", 1))
    yield evil("fixed, cut off", fixed[: MIB // 2] + fixed[-512:])
    larger = _summed(put(fixed[-512:], 56, ">HBB", 60000, 16, 255), 64, 512)
    yield evil("fixed, of a larger disk", fixed[:-512] + larger)
    yield evil("fixed, a footer behind the footer", fixed + bytes(24) + larger + fixed[-512:])
    yield evil("fixed, a qcow2 inside", header.spliced(fixed, 0, _qcow2_on("canary")), "S-006", guessed=True)
    yield evil("cut off at 300", good[:300])


def _by_size(size: int) -> bytes:
    """The footer names a program whose size counts, not its geometry."""
    good = plain("vhd")
    footer = _summed(put(put(good[:512], 28, "4s", b"win "), 48, ">Q", size), 64, 512)
    return footer + good[512:-512] + footer


def vhdx_metadata() -> int:
    """Where the region of an honest image starts."""
    data = plain("vhdx")
    return next(at for at in range(MIB, len(data), MIB) if data[at : at + 8] == b"metadata")


def _vhdx() -> Iterator[Evil]:
    good, items = plain("vhdx"), vhdx_metadata()
    table = 192 * 1024
    entries = {good[at : at + 16]: at for at in range(items + 32, items + 32 + 5 * 32, 32)}
    kinds = sorted(entries)
    size_entry = next(at for kind, at in entries.items() if kind.startswith(bytes.fromhex("2442a52f")))
    parameters = next(at for kind, at in entries.items() if kind.startswith(bytes.fromhex("3767a1ca")))
    item = {at: items + struct.unpack_from("<I", good, at + 16)[0] for at in entries.values()}

    def evil(name: str, data: bytes, row: str = "S-005") -> Evil:
        return Evil(name=f"vhdx {name}", declared="vhdx", data=data, row=row)

    assert len(kinds) == 5
    yield evil("with a parent", put(good, item[parameters] + 4, "<I", 2))
    locator = bytes.fromhex("2d5fd3a80bb34d45abf7d3d84834ab0c")
    more = put(good, items + 10, "<H", 6)
    yield evil("with a parent locator", put(more, items + 32 + 160, "<16sIII", locator, 65536, 100, 4))
    yield evil("with its size twice", put(more, items + 32 + 160, "32s", good[size_entry : size_entry + 32]))
    yield evil("with an unknown item", put(good, entries[kinds[0]], "16s", b"unknown"))
    yield evil("with 65,535 items", put(good, items + 10, "<H", 65535), "S-013")
    yield evil("with an item past the end", put(good, size_entry + 16, "<I", 1 << 31), "S-013")
    yield evil("with an item in the table", put(good, size_entry + 16, "<I", 32), "S-013")
    yield evil("size past 2^63", put(good, item[size_entry], "<Q", 1 << 63), "S-011")
    yield evil("size 0", put(good, item[size_entry], "<Q", 0), "S-011")
    yield evil("size without a table for it", put(good, item[size_entry], "<Q", 1 << 46), "S-011")
    yield evil("block size 0", put(good, item[parameters], "<I", 0), "S-013")
    yield evil("with a log", _headed(good, 48, "16s", b"log to replay 16"))
    yield evil("headers damaged", put(put(good, 65536 + 20, "4s", b"evil"), 131072 + 20, "4s", b"evil"))
    yield evil("of version 2", _headed(good, 66, "<H", 2))
    yield evil("with an unknown region", put(good, table + 16, "16s", b"unknown"))
    for name, change in (
        ("region tables differ", (table + 32, "<Q", 1 << 30)), ("with 2,048 regions", (table + 8, "<I", 2048)),
        ("region past the end", (table + 64, "<Q", 1 << 50)), ("region in the header", (table + 64, "<Q", 0)),
    ):  # fmt: skip
        yield evil(name, put(good, *change), "S-013")
    yield evil("cut off at 1 MiB", good[:MIB])
    yield evil("cut off at 300", good[:300])


def _headed(data: bytes, at: int, layout: str, value: object) -> bytes:
    """With a field changed in both headers and their checksums right."""
    for place in (64 << 10, 128 << 10):
        data = put(data, place + at, layout, value)
        data = put(data, place + 4, "<I", 0)
        data = put(data, place + 4, "<I", crc32c(data[place : place + 4096]))
    return data


def _vdi() -> Iterator[Evil]:
    good = plain("vdi")
    for name, at, layout, value, row in (
        ("differencing", 0x4C, "<I", 4, "S-005"), ("undo", 0x4C, "<I", 3, "S-005"),
        ("with a parent", 0x1B8, "16s", b"parent", "S-005"), ("with a link", 0x1A8, "16s", b"link", "S-005"),
        ("version 0", 0x44, "<I", 0, "S-005"), ("sector size 1", 0x168, "<I", 1, "S-013"),
        ("size past 2^63", 0x170, "<Q", 1 << 63, "S-011"), ("size 0", 0x170, "<Q", 0, "S-011"),
        ("larger than its table", 0x170, "<Q", 1 << 40, "S-011"), ("block size 1", 0x178, "<I", 1, "S-013"),
        ("extra in blocks", 0x17C, "<I", 512, "S-013"), ("2^32 blocks", 0x180, "<I", 0xFFFFFFFF, "S-013"),
        ("more blocks used than there are", 0x184, "<I", 1 << 30, "S-013"),
        ("table past the end", 0x154, "<I", 0xFFFFFE00, "S-013"), ("data in the table", 0x158, "<I", 512, "S-013"),
    ):  # fmt: skip
        yield Evil(name=f"vdi {name}", declared="vdi", data=put(good, at, layout, value), row=row)
    yield Evil(name="vdi cut off at 300", declared="vdi", data=good[:300], row="S-008")
    yield Evil(name="vdi cut off in its data", declared="vdi", data=good[: len(good) // 2], row="S-008")


def _made(format: str, options: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="evilimg-") as name:
        qemu_img(Path(name), "create", "-q", "-f", format, *(["-o", options] if options else []), "t", "1M")
        return (Path(name) / "t").read_bytes()


def _luks() -> bytes:
    """LUKS 1 with iteration counts that would take QEMU days to try a password (S-010)."""
    texts = (b"aes", b"xts-plain64", b"sha256")
    start = struct.pack(">6sH32s32s32sIII", b"LUKS\xba\xbe", 1, *texts, 4096, 64, 0xFFFFFFFF)
    slot = struct.pack(">II32sII", 0x00AC71F3, 0xFFFFFFFF, b"salt", 8, 0xFFFFFFFF)
    return put(start.ljust(208, b"\0") + slot * 8 + bytes(70000), 164, ">I", 0xFFFFFFFF)


def _outlaws() -> Iterator[Evil]:
    """Formats outside the list, declared raw and declared something that is."""
    qed = _qed()
    for name, data, guessed in (
        ("qed", qed, True), ("qcow1", _made("qcow", ""), False), ("luks", _luks(), False),
        ("luks2", b"LUKS\xba\xbe" + struct.pack(">H", 2) + bytes(70000), False),
        ("luks2, second header", bytes(0x4000) + b"SKUL\xba\xbe" + bytes(70000), False),
        ("parallels", _made("parallels", ""), False), ("ploop", b"WithouFreSpacExt" + bytes(70000), False),
        ("bochs", b"Bochs Virtual HD Image" + bytes(70000), False),
        ("cloop", b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop" + bytes(70000), False),
        ("dmg", header.raw() + b"koly" + bytes(508), False), ("cowd", b"COWD" + bytes(70000), False),
        ("vmdk descriptor", header.vmdk_text(), True), ("sesparse", b"\xbe\xba\xfe\xca" + bytes(70000), False),
        ("vmdk descriptor with blanks", b"\n  \n" + header.vmdk_text(), False),
    ):  # fmt: skip
        yield Evil(name=f"{name} as raw", declared="raw", data=data, row="S-009", guessed=guessed)
    yield Evil(name="qed as qcow2", declared="qcow2", data=qed, row="S-009", guessed=True)
    yield Evil(name="luks as aki", declared="aki", data=_luks(), row="S-010")
    for declared in ("qed", "luks", "dmg", "parallels", "bochs", "vvfat", "ploop", "vpc", "file", "nbd", ""):
        told, name = declared == "qed", f"declared {declared or 'nothing'}"
        yield Evil(name=name, declared=declared, data=qed, row="S-009", told=told, guessed=True)


def _qed() -> bytes:
    with tempfile.TemporaryDirectory(prefix="evilimg-") as name:
        qemu_img(Path(name), "create", "-q", "-u", "-f", "qed", "-b", "canary", "-F", "raw", "t", "1M")
        return (Path(name) / "t").read_bytes()


def _polyglots() -> Iterator[Evil]:
    overlay = _qcow2_on("canary")
    iso, good, fixed = header.iso(), plain("qcow2"), plain("vhd", "subformat=fixed")
    for name, declared, data, read in (
        ("iso with a qcow2 at 0", "iso", header.spliced(iso, 0, overlay[:32768]), "guessed"),
        ("iso with a vmdk at 0", "iso", header.spliced(iso, 0, plain("vmdk")[:11000]), ""),
        ("iso with a vmdk descriptor at 0", "iso", header.spliced(iso, 0, header.vmdk_text()), "guessed"),
        ("iso with a luks at 0", "iso", header.spliced(iso, 0, b"LUKS\xba\xbe\0\1"), ""),
        ("iso with a vdi at 0", "iso", header.spliced(iso, 0, plain("vdi")[:1024]), ""),
        ("iso with koly at its end", "iso", iso + b"koly" + bytes(508), ""),
        ("iso with a vhd at its end", "iso", iso + fixed[-512:], ""),
        ("qcow2 with an iso at 32768", "qcow2", header.spliced(good, 32768, iso[32768:34816]), ""),
        ("qcow2 with a partition table", "qcow2", header.mbr(good), ""),
        ("qcow2 with a GPT at 512", "qcow2", header.spliced(good, 512, b"EFI PART" + bytes(84)), ""),
        ("qcow2 with a vdi at 64", "qcow2", put(good, 0x40, "4s", b"\x7f\x10\xda\xbe"), ""),
        ("qcow2 with a vhd at its end", "qcow2", good + plain("vhd")[-512:], ""),
        ("vmdk with a partition table", "vmdk", header.mbr(plain("vmdk")), ""),
        ("vdi with a qcow2 at 0", "vdi", header.spliced(plain("vdi"), 0, overlay[:64]), ""),
        ("vdi with an iso at 32768", "vdi", header.spliced(plain("vdi"), 32768, iso[32768:34816]), ""),
        ("vhd with an iso at 32768", "vhd", header.spliced(fixed, 32768, iso[32768:34816]), ""),
        ("vhdx with an iso at 32768", "vhdx", header.spliced(plain("vhdx"), 32768, iso[32768:34816]), ""),
        ("vhdx with a partition table", "vhdx", header.mbr(plain("vhdx")), ""),
        ("raw with a vhd at its end", "raw", header.raw() + fixed[-512:], ""),
        ("kernel with a partition table", "aki", header.mbr(header.raw()), ""),
    ):  # fmt: skip
        yield Evil(name=name, declared=declared, data=data, row="S-006", guessed=read == "guessed")


def _undeclared() -> Iterator[Evil]:
    """Raw is what is declared, and not what a program that guesses would take it for (S-004)."""
    for name, declared, data in (
        ("qcow2 with a backing file as raw", "raw", _qcow2_on("canary")),
        ("qcow2 with a data file as raw", "raw", _data_file()),
        ("qcow2 with a backing file as iso", "iso", _qcow2_on("canary")),
        ("vmdk descriptor as qcow2", "qcow2", header.vmdk_text()),
    ):
        yield Evil(name=name, declared=declared, data=data, row="S-004", guessed=True)
    for declared in ("qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso"):
        yield Evil(name=f"nothing as {declared}", declared=declared, data=b"", row="S-008")


_GROUPS = {
    "references": _references, "qcow2": _qcow2, "vmdk": _vmdk, "vhd": _vhd, "vhdx": _vhdx, "vdi": _vdi,
    "outlaws": _outlaws, "polyglots": _polyglots, "undeclared": _undeclared,
}  # fmt: skip
GROUPS = tuple(_GROUPS)


@functools.cache
def group(name: str) -> tuple[Evil, ...]:
    """The hostile images of one group; they name the files ``canary`` and ``canary.vmdk`` beside them."""
    return tuple(_GROUPS[name]())
