"""The files of the back end and how they stand on each other.

    disk-<uuid>.qcow2            bytes; under this name all its life, so that whoever has it open finds it again
    image-<id>-<hash>.qcow2      an image's disk, under the volumes that were made of it
    volume-<id>.qcow2            a symbolic link to the volume's disk: what is written goes there
    snapshot-<id>.qcow2          a symbolic link to a disk that is written no more

A disk gets its name when it is complete and on the disk, and a link when it is somebody's (C-23): links are replaced
atomically, so at every moment a volume's name leads to all its bytes. (A rename of the disk itself would not do: QEMU
opens its files again, by their names.) Sizes and what a disk stands on are read from its header: nothing else has to be
kept in step. A disk or image that no link leads to and nothing stands on is waste, whoever left it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iaas import errors
from iaas.host import files
from iaas.host.exec import CommandFailed, Runner
from iaas.host.qemu_tool import making, qemu_img
from iaas.ids import is_uuid, new_uuid

_LOG = logging.getLogger(__name__)
_LINK = re.compile(r"(volume|snapshot)-([0-9a-f-]{36})\.qcow2")
_DISK = re.compile(r"(?:disk-[0-9a-f-]{36}|image-[0-9a-f-]{36}-[0-9a-f]{16})\.qcow2")
_UNFINISHED = re.compile(r"\.(disk|volume|snapshot)-.*\.part")  # made under the lock: found there, it is nobody's
_MAGIC = b"QFI\xfb"
STALE = 3600.0  # seconds after which a partial file is nobody's: longer than the longest download
GIB = 1 << 30
FULL = "The volume host has no space left."


@dataclass(frozen=True, kw_only=True)
class Header:
    """``size``: bytes of the disk inside; ``backing``: name of the file that this one stands on."""

    size: int
    backing: str | None


class Files:
    def __init__(self, directory: Path, runner: Runner) -> None:
        self.directory = files.directory(directory)
        self._runner = runner
        self._adopt()

    # -- names ----------------------------------------------------------------------------------------------------

    def volume(self, volume_id: str) -> Path:
        """The link, whether it is there or not. Raises Invalid."""
        return self._named("volume", volume_id)

    def snapshot(self, snapshot_id: str) -> Path:
        return self._named("snapshot", snapshot_id)

    def image(self, image_id: str, digest: str) -> Path:
        if not is_uuid(image_id) or len(image_id) != 36 or not re.fullmatch("[0-9a-f]{16}", digest):
            raise errors.Invalid("The image has no usable id or hash.")
        return self.directory / f"image-{image_id.lower()}-{digest}.qcow2"

    def of(self, kind: str) -> dict[str, Path]:
        """id -> link of this kind."""
        matches = (_LINK.fullmatch(entry.name) for entry in self.directory.iterdir())
        found = {match[2]: self.directory / match[0] for match in matches if match and match[1] == kind}
        return dict(sorted(found.items()))

    def disk(self, link: Path) -> Path:
        """Where the link leads. Raises NotFound."""
        try:
            name = link.readlink().name
        except OSError as error:
            raise errors.NotFound("It is not on this host.") from error
        return self.directory / name

    def _named(self, kind: str, id: str) -> Path:
        if not is_uuid(id) or len(id) != 36:
            raise errors.Invalid(f"The {kind}'s id is not a UUID.")
        return self.directory / f"{kind}-{id.lower()}.qcow2"

    def _adopt(self) -> None:
        """In the first release a volume's name was its file's."""
        for link in self.of("volume").values():
            if not link.is_symlink():
                disk = self.directory / f"disk-{new_uuid()}.qcow2"
                disk.hardlink_to(link)
                self.point(link, disk)

    # -- chains ---------------------------------------------------------------------------------------------------

    def chain(self, link: Path) -> list[Path]:
        """The disk that the link leads to and what it stands on, the lowest last. Raises NotFound, Internal."""
        found = [self.disk(link)]
        while name := read_header(found[-1]).backing:
            lower = self.directory / name
            if not _DISK.fullmatch(name) or lower in found:
                raise errors.Internal("The volume's disk stands on what it must not.")
            found.append(lower)
        return found

    def disks(self) -> list[Path]:
        """All disks, of images too."""
        return sorted(entry for entry in self.directory.iterdir() if _DISK.fullmatch(entry.name))

    def linked(self) -> set[str]:
        """The names of the disks that links lead to."""
        links = (*self.of("volume").values(), *self.of("snapshot").values())
        return {self.disk(link).name for link in links}

    def standing_on(self) -> dict[str, list[Path]]:
        """A disk's name -> the disks that stand on it."""
        users: dict[str, list[Path]] = {}
        for disk in self.disks():
            with contextlib.suppress(errors.Internal, errors.NotFound):  # a damaged one stands on nothing
                if backing := read_header(disk).backing:
                    users.setdefault(backing, []).append(disk)
        return users

    def waste(self) -> list[Path]:
        used = self.standing_on().keys() | self.linked()
        return [disk for disk in self.disks() if disk.name not in used]

    def collect(self) -> None:
        """Removes the waste, what becomes waste by it, and what a crash left half made. The caller holds the lock under
        which disks and links are made."""
        for entry in list(self.directory.iterdir()):
            if _UNFINISHED.fullmatch(entry.name):
                entry.unlink(missing_ok=True)
        while waste := self.waste():
            for disk in waste:
                disk.unlink(missing_ok=True)
                _LOG.info("%s is needed no longer: removed", disk.name)
        files.sync(self.directory)

    # -- making ---------------------------------------------------------------------------------------------------

    def new(self, size: int, lower: Path | None = None) -> Path:
        """A new disk that reads as ``lower``, and as zeros beyond it; nobody's yet.

        Without looking into ``lower`` (-u): it may be open for writing until the moment of the switch.
        """
        options = ["-u", "-F", "qcow2", "-b", lower.name] if lower else []
        disk = self.directory / f"disk-{new_uuid()}.qcow2"
        partial = files.partial(disk)
        try:  # the file exists, private, before the tool opens it: the tool itself would let others read it
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._run("create", partial, size, *options)
            files.publish(partial, disk)
        except (errors.Error, OSError):
            partial.unlink(missing_ok=True)
            raise
        return disk

    def point(self, link: Path, disk: Path) -> None:
        """The link leads to the disk, from one moment to the next."""
        temporary = files.partial(link)
        temporary.symlink_to(disk.name)
        temporary.replace(link)
        files.sync(self.directory)

    def resize(self, path: Path, size: int) -> None:
        self._run("resize", path, size)

    def stale(self) -> list[Path]:
        return files.partials(self.directory, STALE)

    def sweep(self) -> None:
        for name in files.sweep(self.directory, STALE):
            _LOG.info("partial file %s removed", name)

    def room(self) -> int:
        """GiB of the file system."""
        return shutil.disk_usage(self.directory).total // GIB

    def _run(self, verb: Literal["create", "resize"], path: Path, size: int, *options: str) -> None:
        try:
            qemu_img(self._runner, verb, "qcow2", path, str(size), bounds=making(size), options=options)
        except CommandFailed as error:
            if "No space left" in error.result.stderr:
                raise errors.NoValidHost(FULL) from error
            raise errors.Internal("The volume could not be made.") from error


@contextlib.contextmanager
def space_is_said() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise errors.NoValidHost(FULL) from error
        raise


def read_header(path: Path) -> Header:
    """Raises NotFound; Internal for what is no qcow2 file, or names what can't be a file."""
    try:
        with path.open("rb") as file:
            fixed = file.read(32)
            if fixed[:4] != _MAGIC or len(fixed) < 32:
                raise errors.Internal("The volume's disk is damaged.")
            offset, length = int.from_bytes(fixed[8:16], "big"), int.from_bytes(fixed[16:20], "big")
            if offset and length > 255:
                raise errors.Internal("The volume's disk is damaged.")
            file.seek(offset)
            backing = file.read(length).decode("ascii", "replace") if offset else None
    except FileNotFoundError as error:
        raise errors.NotFound("It is not on this host.") from error
    return Header(size=int.from_bytes(fixed[24:32], "big"), backing=backing)


def gib(path: Path) -> int:
    """GiB of the disk inside, rounded up; 0 for one that went away or is damaged, which is said in the log."""
    try:
        return -(-read_header(path).size // GIB)
    except errors.Error as error:
        _LOG.error("%s: %s", path.name, error.message)
        return 0
