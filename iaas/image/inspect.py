"""What uploaded data really are, learnt while they stream by: format, virtual size, safe or not.

oslo.utils' inspectors know the formats; this module adds what they leave open: it feeds them the same pieces
whatever the network did, refuses a signature that no inspector confirmed (a damaged header must not pass as
raw), bounds the qcow2 header fields, and limits the virtual size. Pure: no file is opened, no tool is run.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from oslo_utils.imageutils import format_inspector as oslo

from iaas.image.faults import Unsafe

HEAD = 1024 * 1024  # the first piece has this many bytes, or all there are: every header that counts is in it
_TAIL = 512
# The names of the API for what oslo calls otherwise.
_NAMES = {"vpc": "vhd"}
# What may be found beside a declared format without being another one: a partition table is part of a raw
# disk and of a bootable ISO. Kernels and ramdisks are opaque to us and to the hypervisor.
_MAY_BE = {
    "raw": {"raw", "gpt"},
    "iso": {"iso", "gpt"},
    "aki": {"raw"},
    "ari": {"raw"},
    "ami": {"raw", "gpt"},
}
_OPAQUE = frozenset({"raw", "iso", "aki", "ari", "ami"})  # the disk is the file
_SIGNATURES = (
    (0, b"QFI\xfb", "qcow2"),
    (0, b"KDMV", "vmdk"),
    (0, b"VMDK", "vmdk"),
    (0, b"COWD", "vmdk"),
    (0, b"conectix", "vhd"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"QED\x00", "qed"),
    (0, b"LUKS\xba\xbe", "luks"),
    (0, b"SKUL\xba\xbe", "luks"),
    (0, b"WithoutFreeSpace", "parallels"),
    (0, b"WithouFreSpacExt", "parallels"),
    (0, b"Bochs Virtual HD Image", "bochs"),
    (0, b"#!/bin/sh\n#V2.0 Format\n", "cloop"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
)
# How a VMDK descriptor may begin for QEMU: comments and blank lines, then a version.
_DESCRIPTOR = re.compile(rb"\s*(?:#[^\n]*\n\s*)*(?:#\s*disk\s+descriptorfile|version\s*=)", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """``virtual_size`` in bytes."""

    virtual_size: int


class Inspector:
    """Fed with all bytes in order; the first ``feed`` must bring HEAD bytes, or all if there is less."""

    def __init__(self, declared: str, limits: Limits) -> None:
        self._declared, self._limits = declared, limits
        self._inspectors = {_NAMES.get(name, name): make() for name, make in oslo.ALL_FORMATS.items()}
        self._head = b""
        self._tail = b""
        self._size = 0

    def feed(self, data: bytes | memoryview) -> None:
        """Raises Unsafe as soon as the head shows that the data are not what was declared."""
        piece = bytes(data)
        first = self._size == 0
        if first:
            self._head = piece[:HEAD]
        self._size += len(piece)
        self._tail = (self._tail + piece[-_TAIL:])[-_TAIL:]
        for name in list(self._inspectors):
            try:
                self._inspectors[name].eat_chunk(piece)
            except Exception as error:  # noqa: BLE001 - a parser that trips over hostile data says: not mine
                self._drop(name, error)
        if first:
            self._check_head()

    def finish(self) -> int:
        """The virtual size in bytes, once everything was fed. Raises Unsafe."""
        if self._size == 0 and self._declared in _OPAQUE - {"iso"}:
            return 0  # as published: ``openstack image create x < /dev/null`` makes an active image
        for inspector in self._inspectors.values():
            inspector.finish()
        if self._tail[:4] == b"koly":
            raise Unsafe("Image content is dmg, which is not allowed.")
        found = self._found()
        self._compare(found)
        if self._declared in _OPAQUE:
            return self._bounded(self._size)
        inspector = self._inspectors[self._declared]
        try:
            inspector.safety_check()
            virtual_size = int(inspector.virtual_size)
        except Exception as error:
            raise Unsafe(f"Image content is not safe: {str(error)[:200]}") from error
        return self._bounded(virtual_size)

    def _drop(self, name: str, error: Exception) -> None:
        del self._inspectors[name]
        if name == self._declared:
            raise Unsafe(f"Image content does not parse as {name}: {str(error)[:200]}") from error

    def _found(self) -> set[str]:
        """The formats that match; raw is what nothing else matches."""
        found = set()
        for name, inspector in self._inspectors.items():
            try:
                if name != "raw" and inspector.format_match:
                    found.add(name)
            except Exception as error:
                raise Unsafe(f"Image content does not parse as {name}.") from error
        return found or {"raw"}

    def _compare(self, found: set[str]) -> None:
        expected = _MAY_BE.get(self._declared, {self._declared})
        if self._declared == "iso" and "iso" not in found:
            raise Unsafe(f"Image content is {_words(found)}, the image says iso.")
        if not found <= expected:
            raise Unsafe(f"Image content is {_words(found)}, the image says {self._declared}.")

    def _check_head(self) -> None:
        signed = {name for at, mark, name in _SIGNATURES if self._head[at : at + len(mark)] == mark}
        if _DESCRIPTOR.match(self._head[:4096]):
            signed.add("vmdk")
        strangers = signed - {self._declared}
        if strangers:
            raise Unsafe(f"Image content is {_words(strangers)}, the image says {self._declared}.")
        if self._declared == "qcow2":
            _check_qcow2(self._head)

    def _bounded(self, virtual_size: int) -> int:
        if virtual_size <= 0:
            raise Unsafe("The disk in the image has no size.")
        if virtual_size > self._limits.virtual_size:
            raise Unsafe(f"The disk in the image has {virtual_size} bytes, {self._limits.virtual_size} are allowed.")
        return virtual_size


def _words(names: set[str]) -> str:
    return " and ".join(sorted(names))


def _check_qcow2(head: bytes) -> None:
    """The header fields that the inspector does not bound (S-008, S-010): clusters, encryption, lengths."""
    if len(head) < 104:
        raise Unsafe("The qcow2 header is cut off.")
    magic, version, backing, _, cluster_bits, size, crypt = struct.unpack(">4sIQIIQI", head[:36])
    l1_entries, l1_offset = struct.unpack(">IQ", head[36:48])
    if magic != b"QFI\xfb" or version not in (2, 3):
        raise Unsafe("Image content is not qcow2 of version 2 or 3.")
    if backing:
        raise Unsafe("The qcow2 has a backing file.")
    if crypt:
        raise Unsafe("The qcow2 is encrypted.")
    if not 9 <= cluster_bits <= 21:
        raise Unsafe("The qcow2 has an impossible cluster size.")
    cluster = 1 << cluster_bits
    if l1_offset % cluster or l1_entries * cluster * (cluster // 8) < size:
        raise Unsafe("The qcow2's cluster table does not fit its size.")
    if version == 3:
        (length,) = struct.unpack(">I", head[100:104])
        if not 104 <= length <= cluster or length % 8:
            raise Unsafe("The qcow2 has an impossible header length.")
        _check_extensions(head, length, cluster)


def _check_extensions(head: bytes, at: int, end: int) -> None:
    """Walks the header extensions: they must end, inside the first cluster, and name no other file."""
    while at + 8 <= min(end, len(head)):
        kind, length = struct.unpack(">II", head[at : at + 8])
        if kind == 0:
            return
        if kind in (0x44415441, 0xE2792ACA, 0x0537BE77):  # data file, backing format, encryption header
            raise Unsafe("The qcow2 header names another file.")
        at += 8 + (length + 7) // 8 * 8
    if at + 8 > end:
        raise Unsafe("The qcow2 header's extensions do not end.")
