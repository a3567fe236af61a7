"""Uploads are what they say they are, or refused (S-001 … S-011). Sizes and offsets: tests/unit/image/evil.py."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iaas.image.faults import Unsafe
from iaas.image.inspect import HEAD, Inspector, Limits
from tests.unit.image import evil

TIB = 1 << 40


def inspect(declared: str, data: bytes, limit: int = TIB) -> int:
    inspector = Inspector(declared, Limits(limit))
    for at in range(0, len(data), HEAD):
        inspector.feed(memoryview(data)[at : at + HEAD])
    return inspector.finish()


@pytest.mark.parametrize("declared", evil.HONEST)
def test_an_honest_image_passes_with_its_virtual_size(declared: str) -> None:
    data = evil.HONEST[declared]
    assert inspect(declared, data) == (len(data) if declared in ("raw", "iso") else evil.SIZE)


@pytest.mark.parametrize("declared", evil.HONEST)
@pytest.mark.parametrize("real", evil.HONEST)
def test_every_other_declared_format_is_refused(declared: str, real: str) -> None:
    """S-007, S-004: the matrix of 42."""
    if declared != real:
        with pytest.raises(Unsafe):
            inspect(declared, evil.HONEST[real])


@pytest.mark.parametrize("declared", ["raw", "qcow2", "iso", "vmdk", "aki"])
@pytest.mark.parametrize("name", evil.OUTLAWS)
def test_formats_nobody_asked_for_are_refused_under_any_name(declared: str, name: str) -> None:
    """S-005, S-009, S-010"""
    with pytest.raises(Unsafe):
        inspect(declared, evil.OUTLAWS[name])


@pytest.mark.parametrize(
    "path", [b"/etc/passwd", b"json:{}", b"nbd://h/x", b"http://169.254.169.254/", b"ssh://h/x", b"x"]
)
@pytest.mark.parametrize("version", [2, 3])
def test_a_qcow2_with_a_backing_file_is_refused(version: int, path: bytes) -> None:
    """S-001, S-003"""
    with pytest.raises(Unsafe):
        inspect("qcow2", evil.qcow2(version=version, backing=path))


def test_a_qcow2_with_a_data_file_is_refused() -> None:
    """S-002"""
    named = evil.extension(0x44415441, b"/etc/passwd") + evil.extension(0, b"")
    for data in (evil.qcow2(features=4), evil.qcow2(features=4, extensions=named), evil.qcow2(extensions=named)):
        with pytest.raises(Unsafe):
            inspect("qcow2", data)


@pytest.mark.parametrize(
    "data",
    [
        evil.qcow2(version=1), evil.qcow2(version=4), evil.qcow2(version=0), evil.qcow2(features=16),
        evil.qcow2(features=1 << 63), evil.qcow2(bits=0), evil.qcow2(bits=63), evil.qcow2(bits=8),
        evil.qcow2(bits=22), evil.qcow2(crypt=1), evil.qcow2(crypt=2), evil.qcow2(length=0),
        evil.qcow2(length=1 << 31), evil.qcow2(length=105), evil.qcow2(size=0), evil.qcow2(l1=0),
        evil.qcow2(extensions=evil.extension(0x0537BE77, bytes(16)) + bytes(8)),
        evil.qcow2(extensions=evil.extension(0xE2792ACA, b"raw") + bytes(8)),
        evil.qcow2(extensions=evil.extension(0x12345678, b"x") * 5000),
        evil.qcow2(extensions=struct.pack(">II", 0x12345678, 0xFFFFFFFF)),
        evil.qcow2()[:100], evil.qcow2()[:300], b"QFI\xfb",
    ],
)  # fmt: skip
def test_an_odd_qcow2_header_is_refused_at_once(data: bytes) -> None:
    """S-008"""
    started = time.perf_counter()
    with pytest.raises(Unsafe):
        inspect("qcow2", data)
    assert time.perf_counter() - started < 0.05


def test_harmless_variants_of_qcow2_pass() -> None:
    table = evil.extension(0x6803F857, bytes(96)) + evil.extension(0, b"")
    for data in (evil.qcow2(version=2), evil.qcow2(bits=21, size=1 << 30), evil.qcow2(extensions=table),
                 evil.qcow2(features=1), evil.qcow2(features=8, length=112, extensions=bytes(16))):  # fmt: skip
        assert inspect("qcow2", data) in (evil.SIZE, 1 << 30)


@pytest.mark.parametrize(
    "data",
    [
        evil.vmdk(kind="monolithicFlat"), evil.vmdk(kind="twoGbMaxExtentFlat"), evil.vmdk(kind="twoGbMaxExtentSparse"),
        evil.vmdk(kind="vmfs"), evil.vmdk(kind=""), evil.vmdk(kind="x" * 100),
        evil.vmdk(extent='RW 131072 FLAT "/etc/shadow" 0'), evil.vmdk(extent=""), evil.vmdk(further="evil line here\n"),
        evil.vmdk(desc_sector=0), evil.vmdk(desc_sector=3), evil.vmdk(version=7), evil.vmdk(gd=(1 << 64) - 1),
        evil.vmdk_text(), evil.vmdk_text("monolithicSparse"), evil.vmdk()[:300],
    ],
)  # fmt: skip
def test_a_vmdk_that_is_not_one_self_contained_file_is_refused(data: bytes) -> None:
    """S-005"""
    with pytest.raises(Unsafe):
        inspect("vmdk", data)


@pytest.mark.parametrize(
    "data",
    [
        evil.spliced(evil.iso(), 0, evil.qcow2()[:512]),
        evil.spliced(evil.iso(), 0, evil.vmdk()[:11000]),
        evil.spliced(evil.qcow2(), 32768, evil.iso()[32768:]),
        evil.mbr(evil.qcow2()),
        evil.mbr(evil.vmdk()),
        evil.spliced(evil.vhd(), 32768, evil.iso()[32768:]),
        evil.spliced(evil.vdi(), 32768, evil.iso()[32768:]),
        evil.mbr(evil.vhdx()),
    ],
)  # fmt: skip
def test_a_polyglot_is_refused_under_each_of_its_names(data: bytes) -> None:
    """S-006"""
    for declared in evil.HONEST:
        with pytest.raises(Unsafe):
            inspect(declared, data)


def test_partition_tables_are_part_of_raw_disks_and_of_bootable_isos() -> None:
    assert inspect("raw", evil.mbr(evil.raw())) == len(evil.raw())
    assert inspect("iso", evil.mbr(evil.iso())) == len(evil.iso())
    with pytest.raises(Unsafe):
        inspect("aki", evil.mbr(evil.raw()))


def test_a_disk_bigger_than_allowed_is_refused_however_small_its_file() -> None:
    """S-011"""
    petabyte = evil.qcow2(size=1 << 50, bits=21)
    with pytest.raises(Unsafe, match="1125899906842624 bytes"):
        inspect("qcow2", petabyte)
    assert inspect("qcow2", evil.qcow2(size=TIB, bits=21)) == TIB
    for name in ("vdi", "vhd", "vhdx"):
        with pytest.raises(Unsafe):
            inspect(name, getattr(evil, name)(1 << 50))


def test_nothing_at_all_is_an_empty_raw_disk_and_no_other_format() -> None:
    assert inspect("raw", b"") == 0
    for declared in ("qcow2", "iso", "vmdk"):
        with pytest.raises(Unsafe):
            inspect(declared, b"")


def test_any_other_bytes_are_raw() -> None:
    for data in (b"x", b"#!/bin/sh\necho hello\n", b"\x1f\x8b\x08", bytes(HEAD + 1), b"hello " * 200):
        assert inspect("raw", data) == len(data)


_BASE = evil.qcow2()[:70000]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 160), st.integers(0, 255)), min_size=1, max_size=12))
def test_mutated_headers_never_crash_and_never_pass_with_a_reference(changes: list[tuple[int, int]]) -> None:
    """S-008, G-36: whatever passes has no backing file, no data file, no encryption and a sane size."""
    data = bytearray(_BASE)
    for at, value in changes:
        data[at] = value
    for declared in ("qcow2", "raw"):
        try:
            size = inspect(declared, bytes(data))
        except Unsafe:
            continue
        if declared == "raw":
            assert data[:4] != b"QFI\xfb"
            continue
        version, backing = struct.unpack(">IQ", data[4:16])
        assert (version in (2, 3), backing) == (True, 0)
        assert struct.unpack(">I", data[32:36]) == (0,)
        assert 0 < size <= TIB
        if version == 3:
            assert struct.unpack(">Q", data[72:80])[0] & ~0b1011 == 0
