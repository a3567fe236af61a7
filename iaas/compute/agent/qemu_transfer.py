"""The Mover on files and QEMU's tools. What each call means is said in transfer.py.

instances/<id>/export       {"pid": 7, "started": 1234}: the service of the disks, whoever began it
instances/<id>/copy         the operation whose copies the disks are, until they are the server's
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from iaas import errors, failpoints
from iaas.compute.agent.disks import OWN, QemuDisks
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Work
from iaas.host import files
from iaas.host.qemu_disk import Export, QemuDisk, Served, Service
from iaas.ids import new_uuid
from iaas.model.order import GuestSpec, Offer, OfferedDisk

_FORMATS = {"disk": "qcow2", "ephemeral0": "raw", "swap": "raw"}


class QemuMover:
    """``address``: where other hosts reach this one; ``pki``: the directory of its certificates."""

    def __init__(self, instances: Instances, disks: QemuDisks, tool: QemuDisk, *, address: str, pki: Path) -> None:
        self._instances = instances
        self._disks = disks
        self._tool = tool
        self._address = address
        self._pki = pki

    def describe(self, server_id: str) -> tuple[OfferedDisk, ...]:
        directory = self._instances.directory(server_id)
        return tuple(
            OfferedDisk(name=name, format=_FORMATS[name], size=self._tool.size(directory / name, _FORMATS[name]))
            for name in OWN
            if (directory / name).exists()
        )

    def offer(self, server_id: str) -> Offer:
        self.withdraw(server_id)
        directory = self._instances.directory(server_id)
        found = [(disk, new_uuid()) for disk in self.describe(server_id)]
        if not found:
            return Offer(address=self._address, port=0, disks=())
        served = [Served(path=directory / disk.name, format=disk.format, name=name) for disk, name in found]
        service, port = self._tool.serve(served, self._address, self._pki, directory / "export.log")
        record = {"pid": service.pid, "started": service.started}
        files.write(directory / "export", json.dumps(record), durable=False)
        offered = tuple(
            OfferedDisk(name=disk.name, format=disk.format, size=disk.size, export=name) for disk, name in found
        )
        return Offer(address=self._address, port=port, disks=offered)

    def withdraw(self, server_id: str) -> None:
        record = self._instances.directory(server_id) / "export"
        text = files.read(record, limit=4096)
        if text is None:
            return
        found = json.loads(text)
        self._tool.end(Service(pid=int(found["pid"]), started=int(found["started"])))
        record.unlink(missing_ok=True)
        (record.parent / "export.log").unlink(missing_ok=True)

    def fetch(self, guest: GuestSpec, offer: Offer, work: Work) -> None:
        directory = files.directory(self._instances.directory(guest.server_id))
        self._begin(directory, guest.server_id, work.order.operation_id)
        for disk in offer.disks:
            if disk.name == "swap" and disk.size != guest.swap_mb << 20:
                continue  # of another size now, and nothing in it that is missed
            source = Export(address=offer.address, port=offer.port, name=disk.export, pki=self._pki)
            self._flatten(source, _known(disk), directory / disk.name, guest, work)
        self._disks.complete(guest)

    def receive(self, guest: GuestSpec, disks: Sequence[OfferedDisk], work: Work) -> str:
        directory = files.directory(self._instances.directory(guest.server_id))
        for disk in disks:
            target = directory / _known(disk).name
            target.unlink(missing_ok=True)  # half-filled by a migration that failed
            self._tool.make(target, _FORMATS[disk.name], disk.size)
            target.chmod(0o600)
        files.sync(directory)
        return str(directory)

    def copy_here(self, guest: GuestSpec, work: Work) -> None:
        directory = self._instances.directory(guest.server_id)
        for disk in self.describe(guest.server_id):
            self._keep(directory / disk.name)
        for name in OWN:
            kept = directory / f"{name}.old"
            if not kept.exists() or (directory / name).exists():
                continue
            size = self._tool.size(kept, _FORMATS[name])
            if name == "swap" and size != guest.swap_mb << 20:
                continue
            self._flatten(kept, OfferedDisk(name=name, format=_FORMATS[name], size=size), directory / name, guest, work)
        self._disks.complete(guest)

    def restore(self, server_id: str) -> None:
        directory = self._instances.directory(server_id)
        kept = [name for name in OWN if (directory / f"{name}.old").exists()]
        for name in OWN if kept else ():
            if name in kept:
                (directory / f"{name}.old").replace(directory / name)
            else:  # the other flavor had it
                (directory / name).unlink(missing_ok=True)
        files.sync(directory)

    def drop_originals(self, server_id: str) -> None:
        directory = self._instances.directory(server_id)
        for name in OWN:
            (directory / f"{name}.old").unlink(missing_ok=True)

    def _begin(self, directory: Path, server_id: str, operation_id: str) -> None:
        """What another move has left here is of the past: only copies of this very one are gone on with."""
        mark = directory / "copy"
        if files.read(mark, limit=4096) != operation_id.encode():
            self._disks.remove(server_id)
            files.write(mark, operation_id)

    def _keep(self, path: Path) -> None:
        """The original goes aside once; what has taken its place since is a copy, and stays."""
        kept = path.with_name(f"{path.name}.old")
        if not kept.exists():
            path.replace(kept)

    def _flatten(self, source: Path | Export, disk: OfferedDisk, target: Path, guest: GuestSpec, work: Work) -> None:
        """A whole copy under its name, or none."""
        if target.exists():
            return  # of an earlier try of the same move: names are given to whole copies only
        temporary = files.partial(target)
        try:
            self._tool.copy(source, disk.format, temporary, disk.size, work.progress)
            wanted = {"disk": guest.disk_gb << 30, "ephemeral0": guest.ephemeral_gb << 30}.get(disk.name, 0)
            self._tool.grow(temporary, disk.format, max(disk.size, wanted))
            temporary.chmod(0o600)
            failpoints.hit("compute.copy.before_publish")
            files.publish(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def _known(disk: OfferedDisk) -> OfferedDisk:
    """A disk whose name and format are ours: no other file is written at a peer's word. Raises Invalid."""
    if _FORMATS.get(disk.name) != disk.format:
        raise errors.Invalid("The other host offers a disk that no server has.")
    return disk
