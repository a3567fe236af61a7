"""Formats in which the disk is the file: raw, and what is not for us to understand (kernels, ramdisks)."""

from __future__ import annotations

from iaas.inspection.formats.format import Format, Kept, Region, must


class Raw(Format):
    """Any bytes that are nothing else. None at all are an active image of no size, as published:
    ``openstack image create x < /dev/null``."""

    def look(self, head: bytes) -> Region | None:
        return None

    def measure(self, kept: Kept) -> int:
        return kept.size


class Iso(Format):
    """ISO 9660 or UDF: its volume descriptors start at sector 16 of 2 KiB. QEMU has no driver for it and reads raw."""

    def look(self, head: bytes) -> Region | None:
        must(volume_descriptor(head), "Image content is not iso.")
        return None

    def measure(self, kept: Kept) -> int:
        return kept.size


def volume_descriptor(head: bytes) -> bool:
    return head[32769:32774] in (b"CD001", b"NSR02", b"NSR03", b"BEA01", b"CDW02")
