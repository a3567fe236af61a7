"""The judgement over one image, from a stream or from a file: it is what was declared, whole, alone, not too large.

From a stream it keeps the first MiB, the last 1,536 bytes and one more range of at most two MiB, whatever passes by,
and whatever pieces the network cut it into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from iaas.inspection import signatures
from iaas.inspection.formats.format import Format, Kept, Region
from iaas.inspection.formats.opaque import Iso, Raw
from iaas.inspection.formats.qcow2 import Qcow2
from iaas.inspection.formats.vdi import Vdi
from iaas.inspection.formats.vhd import Vhd
from iaas.inspection.formats.vhdx import Vhdx
from iaas.inspection.formats.vmdk import Vmdk
from iaas.inspection.unsafe import Unsafe

HEAD = 1024 * 1024  # bytes
_TAIL = 1536
_SECTOR = 512
# disk_format -> what judges it. What is not here is refused, whatever the configuration allows.
FORMATS: dict[str, type[Format]] = {
    "raw": Raw, "qcow2": Qcow2, "vmdk": Vmdk, "vdi": Vdi, "vhd": Vhd, "vhdx": Vhdx, "iso": Iso,
    "ami": Raw, "ari": Raw, "aki": Raw,
}  # fmt: skip
_EMPTY = ("raw", "ami", "ari", "aki")


@dataclass(frozen=True)
class Limits:
    """``virtual_size`` in bytes."""

    virtual_size: int


class Inspector:
    """Fed with all bytes in order."""

    def __init__(self, declared: str, limits: Limits) -> None:
        """Raises Unsafe for a disk_format that can't be judged."""
        self._judge = _Judge(declared, limits)
        self._head, self._tail, self._region = bytearray(), b"", bytearray()
        self._size = 0
        self._looked = False
        self._wanted: Region | None = None

    def feed(self, data: bytes | memoryview) -> None:
        """Raises Unsafe as soon as the first MiB shows that the data are not what was declared."""
        view = memoryview(data)
        start, self._size = self._size, self._size + len(view)
        if not self._looked:
            self._head += view[: HEAD - len(self._head)]
            if len(self._head) == HEAD:
                self._look()
        if self._wanted is not None:
            begin, end = self._wanted.offset, self._wanted.offset + self._wanted.length
            self._region += view[max(0, begin - start) : max(0, end - start)]
        self._tail = (self._tail + bytes(view[-_TAIL:]))[-_TAIL:]

    def finish(self) -> int:
        """The virtual size in bytes, once everything was fed. Raises Unsafe."""
        if not self._looked:
            self._look()
        return self._judge.finish(
            Kept(size=self._size, head=bytes(self._head), tail=self._tail, region=bytes(self._region))
        )

    def _look(self) -> None:
        self._looked = True
        self._wanted = self._judge.look(bytes(self._head))


def inspect_file(file: BinaryIO, declared: str, limits: Limits) -> int:
    """As an Inspector that was fed with the whole file, at the price of its beginning and end. ``file`` can seek."""
    judge = _Judge(declared, limits)
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(HEAD)
    wanted = judge.look(head)
    region = b""
    if wanted is not None:
        file.seek(wanted.offset)
        region = file.read(wanted.length)
    file.seek(max(0, size - _TAIL))
    return judge.finish(Kept(size=size, head=head, tail=file.read(_TAIL), region=region))


class _Judge:
    def __init__(self, declared: str, limits: Limits) -> None:
        if declared not in FORMATS:
            raise Unsafe(f"Images of disk format {declared} are not allowed.")
        self._declared, self._limits, self._format = declared, limits, FORMATS[declared]()

    def look(self, head: bytes) -> Region | None:
        self._alone(signatures.of_head(head), head)
        if not head and self._declared in _EMPTY:
            return None
        if not head:
            raise Unsafe("There are no data.")
        return self._format.look(head)

    def finish(self, kept: Kept) -> int:
        self._alone(signatures.of_tail(kept.tail[-_SECTOR:]), kept.head)
        if not kept.size and self._declared in _EMPTY:
            return 0  # as published: ``openstack image create x < /dev/null`` makes an active image
        size = self._format.measure(kept)
        if size <= 0:
            raise Unsafe("The disk in the image has no size.")
        if size > self._limits.virtual_size:
            raise Unsafe(f"The disk in the image has {size} bytes, {self._limits.virtual_size} are allowed.")
        return size

    def _alone(self, found: set[str], head: bytes) -> None:
        """Nothing was found but what was declared, or what may be a part of it."""
        strangers = found - {self._declared} - self._parts(head)
        if strangers:
            names = " and ".join(sorted(strangers))
            raise Unsafe(f"Image content is {names}, the image says {self._declared}.")

    def _parts(self, head: bytes) -> set[str]:
        """A partition table is part of a raw disk, so of a fixed VHD, and of an ISO that boots from a stick."""
        partitioned = self._declared in ("raw", "iso", "ami", "ari")
        partitioned |= self._declared == "vhd" and not head.startswith(b"conectix")
        partitioned |= self._declared == "aki" and signatures.linux_kernel(head)
        return {"gpt"} if partitioned else set()
