"""Honest images, made by qemu-img: every format, subformat and option that may be uploaded, small."""

from __future__ import annotations

import functools
import itertools
import random
import subprocess
import tempfile
from pathlib import Path

from tests.evilimg import header

MIB = header.MIB
QEMU = {"vhd": "vpc", "iso": "raw", "aki": "raw", "ari": "raw", "ami": "raw"}  # disk_format -> driver, if they differ
_OPTIONS = {
    "qcow2": ("compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "lazy_refcounts=on",
              "refcount_bits=1", "refcount_bits=64", "compression_type=zstd", "preallocation=metadata",
              "preallocation=full,cluster_size=4k"),
    "vmdk": ("subformat=monolithicSparse", "subformat=streamOptimized", "adapter_type=lsilogic", "compat6=on"),
    "vhd": ("subformat=dynamic", "subformat=fixed", "force_size=on", "subformat=fixed,force_size=on"),
    "vdi": ("static=off", "static=on"),
    "vhdx": ("block_size=1M", "subformat=dynamic", "subformat=fixed", "block_size=256M,log_size=4M"),
}  # fmt: skip
_SMALL = ("fixed", "static=on", "preallocation")  # no sparse file: not for large disks
# name -> disk_format, options, size
EMPTY = {
    f"{format} {options} {size}": (format, options, size)
    for format, choices in _OPTIONS.items()
    for options, size in itertools.product(choices, ("512", "2M", "40G"))
    if size == "2M" or (size == "512" and "=512" in options) or not any(word in options for word in (*_SMALL, "=512"))
}
WITH_DATA = {f"{format} {options}": (format, options) for format, choices in _OPTIONS.items() for options in choices}
# What else may be done to a qcow2: name -> commands after ``create -f qcow2 t 2M``
CHANGED = {
    "snapshots": (("snapshot", "-c", "a", "t"), ("snapshot", "-c", "b", "t")),
    "bitmaps": (("bitmap", "--add", "-f", "qcow2", "t", "a"), ("bitmap", "--add", "-f", "qcow2", "t", "b")),
    "resized": (("resize", "-q", "-f", "qcow2", "t", "1G"),),
    "amended": (("amend", "-q", "-f", "qcow2", "-o", "compat=0.10", "t"),),
    "once an overlay": (
        ("create", "-q", "-f", "qcow2", "-b", "src", "-F", "raw", "t"), ("rebase", "-q", "-f", "qcow2", "-b", "", "t")
    ),
    "compressed": (("convert", "-c", "-f", "raw", "-O", "qcow2", "src", "t"),),
}  # fmt: skip


def data() -> bytes:
    """A disk of one MiB: noise, nothing, and a sector of text."""
    return random.Random(4711).randbytes(200_000) + bytes(MIB - 200_512) + b"text" * 128


def qemu_img(directory: Path, *arguments: str) -> None:
    subprocess.run(["qemu-img", *arguments], cwd=directory, check=True, capture_output=True)


def empty(directory: Path, format: str, options: str, size: str) -> Path:
    qemu_img(directory, "create", "-q", "-f", QEMU.get(format, format), "-o", options, "t", size)
    return directory / "t"


def with_data(directory: Path, format: str, options: str) -> Path:
    (directory / "src").write_bytes(data())
    qemu_img(directory, "convert", "-f", "raw", "-O", QEMU.get(format, format), "-o", options, "src", "t")
    return directory / "t"


def changed(directory: Path, name: str) -> Path:
    (directory / "src").write_bytes(data())
    empty(directory, "qcow2", "compat=1.1", "2M")
    for command in CHANGED[name]:
        qemu_img(directory, *command)
    return directory / "t"


@functools.cache
def plain(format: str, options: str = "") -> bytes:
    """One honest image of the format with data in it."""
    if format == "raw":
        return header.raw()
    if format == "iso":
        return header.iso()
    with tempfile.TemporaryDirectory(prefix="evilimg-") as name:
        return with_data(Path(name), format, options or _OPTIONS[format][0 if format != "qcow2" else 1]).read_bytes()


FORMATS = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso")
