"""Volumes as qcow2 files in one directory: ``volume-<id>.qcow2``, owner-only, made by qemu-img under limits.

A file gets its name when it is complete and on the disk, so a file with a name is a volume (C-23). Sizes are read
from the file's own header: nothing else has to be kept in step with it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from iaas import errors, failpoints
from iaas.host import files
from iaas.host.exec import CommandFailed, Limits, Runner
from iaas.ids import is_uuid
from iaas.model.volume_order import ZEROS, Export, Source, VolumeInventory
from iaas.volume.drivers.driver import Check, DriverSettings, unhurried

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"volume-([0-9a-f-]{36})\.qcow2")
_MAGIC = b"QFI\xfb"
_SIZE_AT = 24  # offset of the disk's size in the header: 8 bytes, big-endian, bytes
_GIB = 1 << 30
_LIMITS = Limits(address_space=1 << 30, cpu_seconds=10, file_size=1 << 28)  # an empty qcow2 is its tables only
_TIMEOUT = 30.0  # seconds
_STALE = 300.0  # seconds after which a partial file is nobody's: ten times what making one may take
_FULL = "The volume host has no space left."


class Qcow2Driver:
    def __init__(self, settings: DriverSettings, runner: Runner | None = None) -> None:
        self._directory = files.directory(settings.state_dir)
        self._capacity_gb = settings.capacity_gb
        self._runner = runner or Runner()

    def path(self, volume_id: str) -> Path:
        if not is_uuid(volume_id) or len(volume_id) != 36:
            raise errors.Invalid("The volume's id is not a UUID.")
        return self._directory / f"volume-{volume_id.lower()}.qcow2"

    def create(self, volume_id: str, size_gb: int, source: Source = ZEROS, check: Check = unhurried) -> None:
        if source != ZEROS:
            raise errors.Unsupported("This volume host makes empty volumes only.")
        path = self.path(volume_id)
        if path.exists():
            if _size_gb(path) != size_gb:
                raise errors.Conflict("The volume is there already, in another size.")
            return
        self._remove_partials(path)
        temporary = files.partial(path)
        try:
            self._make(temporary, size_gb)
            failpoints.hit("volume.create.after_file")
            files.publish(temporary, path)
        except (errors.Error, OSError) as error:
            temporary.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise errors.NoValidHost(_FULL) from error
            raise
        failpoints.hit("volume.create.after_publish")

    def delete(self, volume_id: str) -> None:
        path = self.path(volume_id)
        self._remove_partials(path)
        path.unlink(missing_ok=True)
        failpoints.hit("volume.delete.after_unlink")
        files.sync(self._directory)

    def extend(self, volume_id: str, size_gb: int) -> None:
        path = self.path(volume_id)
        if not path.exists():
            raise errors.NotFound("The volume is not on this host.")
        failpoints.hit("volume.extend.before_resize")
        if _size_gb(path) < size_gb:
            command = ["qemu-img", "resize", "-q", "-f", "qcow2", str(path), str(size_gb * _GIB)]
            self._runner.run(command, timeout=_TIMEOUT, limits=_LIMITS)
        failpoints.hit("volume.extend.after_resize")

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        raise errors.Unsupported("This volume host makes no snapshots.")

    def delete_snapshot(self, snapshot_id: str) -> None:
        return None

    def serve(self, exports: Collection[Export]) -> Mapping[str, errors.Error]:
        return {item.attachment_id: errors.Unsupported("This volume host serves nothing.") for item in exports}

    def serving(self) -> bool:
        return True

    def port(self) -> int:
        return 10809

    def snapshots(self) -> Mapping[str, int]:
        return {}

    def volumes(self) -> Mapping[str, int]:
        return {volume_id: _size_gb(path) for volume_id, path in self._files()}

    def capacity_gb(self) -> int:
        return self._capacity_gb or shutil.disk_usage(self._directory).total // _GIB

    def inventory(self) -> VolumeInventory:
        return VolumeInventory(
            volumes=tuple(volume_id for volume_id, _ in self._files()),
            partial_files=tuple(file.name for file in files.partials(self._directory, _STALE)),
        )

    def tidy(self) -> None:
        for name in files.sweep(self._directory, _STALE):
            _LOG.info("partial file %s removed", name)

    def _make(self, path: Path, size_gb: int) -> None:
        """The file exists, private, before the tool opens it: the tool itself would let others read it."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        command = ["qemu-img", "create", "-q", "-f", "qcow2", str(path), str(size_gb * _GIB)]
        try:
            self._runner.run(command, timeout=_TIMEOUT, limits=_LIMITS)
        except CommandFailed as error:
            if "No space left" in error.result.stderr:
                raise errors.NoValidHost(_FULL) from error
            raise errors.Internal("The volume could not be created.") from error

    def _remove_partials(self, path: Path) -> None:
        """What a crash left of this volume: its orders come one after another, so nobody else is at it."""
        for file in files.partials(self._directory, -1.0):
            if file.name.startswith(f".{path.name}."):
                file.unlink(missing_ok=True)

    def _files(self) -> list[tuple[str, Path]]:
        found = ((_NAME.fullmatch(entry.name), entry) for entry in self._directory.iterdir())
        return sorted((match[1], path) for match, path in found if match and is_uuid(match[1]))


def _size_gb(path: Path) -> int:
    """GiB of the disk inside, rounded up; 0 for a file that went away or is damaged, which is said in the log."""
    try:
        with path.open("rb") as file:
            header = file.read(_SIZE_AT + 8)
    except FileNotFoundError:
        return 0
    if header[:4] != _MAGIC or len(header) < _SIZE_AT + 8:
        _LOG.error("%s is not a qcow2 file", path.name)
        return 0
    return -(-int.from_bytes(header[_SIZE_AT:], "big") // _GIB)


PLUGIN = Qcow2Driver
