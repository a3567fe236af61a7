"""Images on a host: judged again before anything opens them, converted under limits; disks made over them.

No error of a tool reaches a user with a path in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from iaas import errors
from iaas.host.exec import CommandFailed, Runner
from iaas.host.qemu_tool import LOOK, copying, making, qemu_img
from iaas.inspection.inspector import Limits, inspect_file

# disk_format -> QEMU's driver. What is not here can't become a disk: kernels, ramdisks.
DRIVERS = {
    "raw": "raw", "iso": "raw", "qcow2": "qcow2", "vmdk": "vmdk", "vdi": "vdi", "vhd": "vpc", "vhdx": "vhdx",
}  # fmt: skip
_CONVERT_S = 900
_ANY_SIZE = (1 << 63) - 1  # the image service had the limit; here the recorded size counts


@dataclass(frozen=True)
class Inspected:
    """An image in a private directory that ``inspected`` has judged: the only kind that is ever converted."""

    path: Path
    driver: str
    virtual_size: int


def inspected(path: Path, disk_format: str, virtual_size: int) -> Inspected:
    """Judges a file that came from the image service, where its bytes may have changed (S-001 … S-011, planted in the
    store). Raises Invalid unless it is what was recorded, refers to no other file and has a disk of ``virtual_size``.
    """
    if disk_format not in DRIVERS:
        raise errors.Unsupported(f"A disk can't be made of {disk_format} images.")
    with path.open("rb") as file:
        found = inspect_file(file, disk_format, Limits(_ANY_SIZE))
    if found != virtual_size:
        raise errors.Invalid("The image's disk is not as large as recorded.")
    return Inspected(path, DRIVERS[disk_format], virtual_size)


class QemuImg:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def to_raw(self, image: Inspected, target: Path, progress: Callable[[], None]) -> None:
        """Writes the disk inside as a sparse raw file that cannot grow over its size (S-012, S-013).

        ``progress`` is called every second and may raise, which ends the conversion. Raises Unavailable (this host's
        disk is full), Invalid (it can't be read to its end).
        """
        self._convert(image.path, image.driver, target, "raw", image.virtual_size, progress)

    def to_qcow2(self, image: Inspected, target: Path, progress: Callable[[], None]) -> None:
        """The same as a qcow2 file; its tables take a little room of their own."""
        self._convert(image.path, image.driver, target, "qcow2", image.virtual_size, progress)

    def flatten(self, disk: Path, target: Path, progress: Callable[[], None]) -> None:
        """A qcow2 disk of our own making, with what lies under it, as one qcow2 file."""
        self._convert(disk, "qcow2", target, "qcow2", self.size_of(disk), progress)

    def size_of(self, disk: Path) -> int:
        """Bytes of a qcow2 disk of our own making. Raises Internal."""
        try:
            found = qemu_img(self._runner, "info", "qcow2", disk, bounds=LOOK, options=["--output=json"])
            return int(json.loads(found.stdout)["virtual-size"])
        except (CommandFailed, ValueError, KeyError) as error:
            raise errors.Internal("The server's disk can't be read.") from error

    def overlay(self, target: Path, base: str, size: int) -> None:
        """A qcow2 of ``size`` bytes over the raw file ``base``, a name in the same directory."""
        try:
            over = ["-F", "raw", "-b", base]
            qemu_img(self._runner, "create", "qcow2", target, str(size), bounds=making(size), options=over)
        except CommandFailed as error:
            raise errors.Internal("The server's disk could not be created.") from error

    def _convert(
        self, source: Path, driver: str, target: Path, wanted: str, size: int, progress: Callable[[], None]
    ) -> None:
        bounds = copying(size, timeout=_CONVERT_S, cpu_seconds=600)
        try:
            into = ["-O", wanted]
            qemu_img(self._runner, "convert", driver, source, target, bounds=bounds, options=into, tick=progress)
        except CommandFailed as error:
            if "No space left" in error.result.stderr:
                raise errors.Unavailable("The host's disk is full.", resource="disk") from error
            raise errors.Invalid("The image could not be converted.") from error
