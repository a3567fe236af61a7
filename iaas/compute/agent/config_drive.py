"""A server's config drive: a CD-ROM with what the metadata API would tell its guest. Knows no guest, and asks nobody.

instances/<id>/config       the ISO 9660 volume, labelled config-2

It is made when the guest is defined and it is not there yet, of what the order says, and stays as it is for as long as
the server's disks stay here: what a running guest has mounted never changes. A guest that moves while it runs takes its
own along, to the byte; one that moves while it is off gets a new one where it is started.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iaas import errors, failpoints
from iaas.compute.agent.instances import Instances
from iaas.compute.metadata import drive
from iaas.compute.virt.driver import Disk
from iaas.host import iso9660
from iaas.model.order import GuestSpec

NAME = "config"
PIECE = 256 << 10  # bytes of one answer: a message is at most 1 MiB, and this is text on the way
_MOST = 16 << 20  # bytes; a message can't say so much that it takes more


def beside(instances: Instances, guest: GuestSpec, disks: Sequence[Disk]) -> tuple[Disk, ...]:
    """The disks, and the config drive if the guest is to have one; made if need be. Raises TooLarge."""
    if guest.config_drive is None:
        return tuple(disks)
    path = instances.directory(guest.server_id) / NAME
    if not path.exists():
        volume = iso9660.volume(drive.LABEL, drive.files(guest.config_drive), _MOST)
        failpoints.hit("compute.config_drive.before_publish")
        instances.put(guest.server_id, NAME, volume)
        failpoints.hit("compute.config_drive.after_publish")
    return (*disks, Disk(target="hda", path=path, format="raw", cdrom=True))


def piece(instances: Instances, server_id: str, offset: int) -> bytes:
    """What is on the drive from there on, PIECE bytes at most. Raises NotFound without a drive."""
    try:
        with (instances.directory(server_id) / NAME).open("rb") as file:
            file.seek(max(0, offset))
            return file.read(PIECE)
    except FileNotFoundError:
        raise errors.NotFound("The config drive of the server is not on this host.", resource="disk") from None


def receive(instances: Instances, server_id: str, ask: Callable[[int], bytes]) -> None:
    """The drive is here as ``ask(offset)`` tells it, piece by piece. Raises TooLarge for one without an end."""
    found = bytearray()
    while more := ask(len(found)):
        found += more
        if len(found) > _MOST:
            raise errors.TooLarge("The other host's config drive is too large.")
        if len(more) < PIECE:
            break
    failpoints.hit("compute.config_drive.before_publish")
    instances.put(server_id, NAME, bytes(found))
    failpoints.hit("compute.config_drive.after_publish")


def remove(instances: Instances, server_id: str) -> None:
    """No drive is here; the next definition makes a new one."""
    (instances.directory(server_id) / NAME).unlink(missing_ok=True)
