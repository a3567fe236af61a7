"""qemu-img on images, under limits. Every call names the format (S-014) and no error of it reaches a user with a
path in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iaas import errors
from iaas.host.exec import CommandFailed, Limits, Runner

_INFO = Limits(address_space=300 << 20, cpu_seconds=8)
_CREATE = Limits(address_space=1 << 30, cpu_seconds=10)
_QCOW2_MAGIC = b"QFI\xfb"
_DATA_FILE_BIT = 1 << 2  # of the incompatible features of a version 3 header


class QemuImg:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def check(self, path: Path, format: str, virtual_size: int) -> None:
        """Refuses (Invalid) a file that refers to another one, or whose disk is not ``virtual_size`` bytes.

        The header is read here first, as qemu-img would open what a hostile header names (S-001, S-002).
        """
        if format == "qcow2":
            _check_qcow2_header(path)
        found = self._info(path, format)
        specific = found.get("format-specific", {}).get("data", {})
        if "backing-filename" in found or "data-file" in specific:
            raise errors.Invalid("The image refers to another file.")
        if found.get("virtual-size") != virtual_size:
            raise errors.Invalid("The image's disk is not as large as recorded.")

    def to_raw(self, source: Path, format: str, target: Path, virtual_size: int, progress: Callable[[], None]) -> None:
        """Writes the disk inside as a sparse raw file that cannot grow over ``virtual_size`` (S-012, S-013).

        ``progress`` is called every second and may raise, which ends the conversion.
        """
        self._convert(source, format, target, "raw", virtual_size + (1 << 20), progress)

    def to_qcow2(
        self, source: Path, format: str, target: Path, virtual_size: int, progress: Callable[[], None]
    ) -> None:
        """The same as a qcow2 file; its tables take a little room of their own."""
        self._convert(source, format, target, "qcow2", virtual_size + virtual_size // 512 + (1 << 24), progress)

    def _convert(
        self, source: Path, format: str, target: Path, wanted: str, most: int, progress: Callable[[], None]
    ) -> None:
        limits = Limits(address_space=2 << 30, cpu_seconds=600, file_size=most)
        command = ["qemu-img", "convert", "-q", "-f", format, "-O", wanted, str(source), str(target)]
        try:
            self._runner.run(command, timeout=900, limits=limits, tick=progress)
        except CommandFailed as error:
            if "No space left" in error.result.stderr:
                raise errors.Unavailable("The host's disk is full.", resource="disk") from error
            raise errors.Invalid("The image could not be converted.") from error

    def size_of(self, path: Path, format: str) -> int:
        """Bytes of the disk inside a file of our own making."""
        return int(self._info(path, format)["virtual-size"])

    def overlay(self, target: Path, base: str, size: int) -> None:
        """A qcow2 of ``size`` bytes over the raw file ``base``, a name in the same directory."""
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", base, str(target), str(size)]
        try:
            self._runner.run(command, timeout=30, limits=_CREATE)
        except CommandFailed as error:
            raise errors.Internal("The server's disk could not be created.") from error

    def _info(self, path: Path, format: str) -> dict[str, Any]:
        command = ["qemu-img", "info", "-f", format, "--output=json", str(path)]
        try:
            found = json.loads(self._runner.run(command, timeout=20, limits=_INFO).stdout)
        except (CommandFailed, ValueError) as error:
            raise errors.Invalid(f"The image is not a valid {format} file.") from error
        return found if isinstance(found, dict) else {}


def _check_qcow2_header(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(104)
    if header[:4] != _QCOW2_MAGIC or len(header) < 72:
        raise errors.Invalid("The image is not a valid qcow2 file.")
    version = int.from_bytes(header[4:8], "big")
    backing_offset = int.from_bytes(header[8:16], "big")
    features = int.from_bytes(header[72:80], "big") if version >= 3 else 0
    if version not in (2, 3):
        raise errors.Invalid("The image is not a valid qcow2 file.")
    if backing_offset or features & _DATA_FILE_BIT:
        raise errors.Invalid("The image refers to another file.")
