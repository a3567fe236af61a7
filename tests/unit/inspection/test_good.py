"""Honest images of every format are accepted, with the virtual size that qemu-img tells."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from iaas.inspection.unsafe import Unsafe
from tests.evilimg import good, header
from tests.evilimg.corpus import footed
from tests.unit.inspection.judge import inspect, refusal


def told(path: Path, format: str) -> int:
    command = ["qemu-img", "info", "-f", good.QEMU.get(format, format), "--output=json", str(path)]
    return int(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["virtual-size"])


def judged(path: Path, format: str) -> int:
    data = path.read_bytes()
    assert refusal(format, data) is None
    return inspect(format, data)


@pytest.mark.parametrize("name", good.EMPTY)
def test_an_empty_disk_is_accepted(tmp_path: Path, name: str) -> None:
    format, options, size = good.EMPTY[name]
    path = good.empty(tmp_path, format, options, size)
    assert judged(path, format) == told(path, format) > 0


@pytest.mark.parametrize("name", good.WITH_DATA)
def test_a_disk_with_data_is_accepted(tmp_path: Path, name: str) -> None:
    format, options = good.WITH_DATA[name]
    path = good.with_data(tmp_path, format, options)
    assert judged(path, format) == told(path, format) >= header.MIB


@pytest.mark.parametrize("name", good.CHANGED)
def test_a_qcow2_with_a_history_is_accepted(tmp_path: Path, name: str) -> None:
    path = good.changed(tmp_path, name)
    assert judged(path, "qcow2") == told(path, "qcow2")


def test_a_stream_with_a_footer_as_vmware_writes_it_is_accepted() -> None:
    data = footed(good.plain("vmdk", "subformat=streamOptimized"))
    assert inspect("vmdk", data) == header.MIB


def test_partition_tables_are_part_of_raw_disks_of_bootable_isos_and_of_fixed_vhds() -> None:
    assert inspect("raw", header.mbr(header.raw())) == len(header.raw())
    assert inspect("raw", header.spliced(header.mbr(header.raw()), 512, b"EFI PART")) == len(header.raw())
    assert inspect("iso", header.mbr(header.iso())) == len(header.iso())
    assert refusal("vhd", header.mbr(good.plain("vhd", "subformat=fixed"))) is None


def test_an_iso_of_udf_alone_is_one() -> None:
    assert refusal("iso", header.spliced(bytes(65536), 32768, b"\0BEA01\1")) is None


def test_a_linux_kernel_is_no_disk_though_it_ends_its_first_sector_as_one_does() -> None:
    kernel = header.spliced(header.spliced(b"MZ".ljust(65536, b"\1"), 510, b"\x55\xaa"), 0x202, b"HdrS")
    assert inspect("aki", kernel) == len(kernel)
    assert inspect("ari", b"\x1f\x8b\x08" + bytes(1000)) == 1003


def test_nothing_at_all_is_an_empty_raw_disk() -> None:
    assert inspect("raw", b"") == 0


@pytest.mark.parametrize("declared", ["qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso"])
def test_nothing_at_all_is_no_other_image_and_the_refusal_says_so(declared: str) -> None:
    """The stock command sends its empty standard input where it was given no file and no terminal."""
    with pytest.raises(Unsafe, match=r"There are no data\."):
        inspect(declared, b"")


def test_any_other_bytes_are_raw() -> None:
    for data in (b"x", b"#!/bin/sh\necho hello\n", b"\x1f\x8b\x08", bytes(header.MIB + 1), b"hello " * 200):
        assert inspect("raw", data) == len(data)
