"""Which formats a file could be taken for, by the marks that those who probe look at: QEMU, libguestfs, file(1).

Many on purpose: two answers for one file are a polyglot, and refused (S-006).
"""

from __future__ import annotations

import re

from iaas.inspection.formats.opaque import volume_descriptor

_AT_START = (
    (b"QFI\xfb", "qcow2"),
    (b"KDMV", "vmdk"),
    (b"VMDK", "vmdk"),
    (b"COWD", "vmdk"),
    (b"\xbe\xba\xfe\xca\0\0\0\0", "vmdk"),  # seSparse: of ESXi
    (b"conectix", "vhd"),
    (b"cxsparse", "vhd"),
    (b"vhdxfile", "vhdx"),
    (b"QED\x00", "qed"),
    (b"LUKS\xba\xbe", "luks"),
    (b"SKUL\xba\xbe", "luks"),
    (b"WithoutFreeSpace", "parallels"),  # and ploop
    (b"WithouFreSpacExt", "parallels"),
    (b"Bochs Virtual HD Image", "bochs"),
    (b"#!/bin/sh\n#V2.0 Format\n", "cloop"),
    (b"OOOM", "cow"),
)
_ELSEWHERE = ((0x40, b"\x7f\x10\xda\xbe", "vdi"), (512, b"EFI PART", "gpt"), (4096, b"EFI PART", "gpt"))
_SECOND_LUKS = tuple(0x4000 << shift for shift in range(6))  # where LUKS 2 has its second header
# How a VMDK descriptor may begin for QEMU: comments and blank lines, then a version.
_DESCRIPTOR = re.compile(rb"\s*(?:#[^\n]*\n\s*)*(?:#\s*disk\s+descriptorfile|version\s*=)", re.IGNORECASE)


def of_head(head: bytes) -> set[str]:
    """Names of disk formats, ``gpt`` for any partition table, and of formats that nobody may upload. ``head``: the
    first MiB, or all there is."""
    found = {name for mark, name in _AT_START if head.startswith(mark)}
    found |= {name for at, mark, name in _ELSEWHERE if head.startswith(mark, at)}
    if any(head.startswith(b"SKUL\xba\xbe", at) for at in _SECOND_LUKS):
        found.add("luks")
    if _DESCRIPTOR.match(head[:4096]):
        found.add("vmdk")
    if head[510:512] == b"\x55\xaa":
        found.add("gpt")
    if volume_descriptor(head):
        found.add("iso")
    return found


def of_tail(tail: bytes) -> set[str]:
    """The same of the last 512 bytes: some formats have a trailer only."""
    return ({"dmg"} if tail.startswith(b"koly") else set()) | ({"vhd"} if tail.startswith(b"conectix") else set())


def linux_kernel(head: bytes) -> bool:
    """A bzImage for x86 has the mark of a partition table because it once was a boot sector."""
    return head.startswith(b"HdrS", 0x202)
