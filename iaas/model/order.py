"""What the conductor asks of a compute host, and what the host answers. Values that cross the bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from iaas.model.network import Address


class Action(StrEnum):
    """The verbs of a compute host. All but the reboots are convergent: repeating them is harmless."""

    BUILD = "build"
    DESTROY = "destroy"
    START = "start"
    STOP = "stop"
    REBOOT_SOFT = "reboot_soft"
    REBOOT_HARD = "reboot_hard"
    ATTACH_VOLUME = "attach_volume"
    DETACH_VOLUME = "detach_volume"
    RECOVER = "recover"  # a guest that an I/O error paused goes on; no other does
    PAUSE = "pause"
    UNPAUSE = "unpause"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESCUE = "rescue"  # boot from ``guest.rescue``, the server's own root disk beside it
    UNRESCUE = "unrescue"
    SNAPSHOT = "snapshot"  # the root disk as it is now into ``upload``

    COPY_DISKS = "copy_disks"  # of a server that is off, from ``peer``
    RESTORE_DISKS = "restore_disks"  # back to what a copy on the same host has kept
    DROP_ORIGINALS = "drop_originals"
    RECEIVE = "receive"  # make ready for a live migration from ``peer``
    MIGRATE = "migrate"  # the running guest to ``peer``
    ARRIVE = "arrive"  # the guest that a live migration brought runs here

    @property
    def convergent(self) -> bool:
        """False: runs at most once (C-18); asked again, the host only reports what it sees."""
        return self not in (Action.REBOOT_SOFT, Action.REBOOT_HARD)


class Power(StrEnum):
    """What a hypervisor says of a domain. The names are ours; the compute API's numbers are in ``number``."""

    NONE = "none"
    RUNNING = "running"
    PAUSED = "paused"
    SHUTDOWN = "shutdown"
    CRASHED = "crashed"
    SUSPENDED = "suspended"  # off, with its memory saved on the host

    @property
    def number(self) -> int:
        """OS-EXT-STS:power_state of the compute API."""
        return {"none": 0, "running": 1, "paused": 3, "shutdown": 4, "crashed": 6, "suspended": 7}[self.value]


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Where a host gets an image, and how it knows that it got the right bytes.

    ``url`` is the image API's ``/v2/images/{id}/file``; ``token`` a short-lived token that may only read images
    (never logged). ``format`` is the recorded fact, passed on every call and never probed (S-014).
    """

    id: str
    url: str
    token: str = field(repr=False)
    format: str
    size: int  # bytes of the file
    hash_algo: str  # "sha512"
    hash_value: str
    virtual_size: int  # bytes of the disk inside


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Where a disk's bytes go: ``url`` is the image API's ``/v2/images/{id}/file`` of a queued image; ``token`` is a
    short-lived ticket that may fill and show that one image (never logged)."""

    image_id: str
    url: str
    token: str = field(repr=False)
    format: str  # "raw" or "qcow2"


@dataclass(frozen=True, kw_only=True)
class Nic:
    """One network interface of a guest. ``tap`` and ``bridge`` are Linux device names (at most 15 bytes)."""

    port_id: str
    mac: str
    tap: str
    bridge: str
    mtu: int


@dataclass(frozen=True, kw_only=True)
class VolumeConnection:
    """How a host reaches a volume of a server: an NBD export over mutual TLS (the host's own certificate)."""

    volume_id: str
    attachment_id: str
    address: str  # of the volume host
    port: int
    export: str
    device: str  # target in the domain: "vdb"; the guest may name it otherwise
    size_gb: int
    boot_index: int | None = None  # 0: the root disk
    read_only: bool = False
    shareable: bool = False  # multiattach


@dataclass(frozen=True, kw_only=True)
class InterfaceAddress:
    """One fixed address of an interface, and what its subnet says. ``mode``: how the guest gets it, in the words of
    network_data.json: "dhcp", "slaac", …; empty: it has to set it itself. ``routes``: (destination, next hop)."""

    ip: str
    cidr: str
    mode: str
    gateway: str | None
    routes: tuple[tuple[str, str], ...]
    dns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Interface:
    port_id: str
    tap: str
    mac: str
    mtu: int
    network_id: str
    addresses: tuple[InterfaceAddress, ...]


@dataclass(frozen=True, kw_only=True)
class Particulars:
    """What a guest may know of itself: a host makes the config drive of it. ``hostname`` is the full one; ``user_data``
    base64 as the user gave it (never logged); ``groups``: names of security groups."""

    server_id: str
    project_id: str
    name: str
    hostname: str
    zone: str
    flavor: str
    image_id: str | None
    reservation_id: str
    launch_index: int
    metadata: dict[str, str]
    key_name: str | None
    key_data: str | None
    user_data: str | None = field(repr=False)
    addresses: tuple[Address, ...]
    groups: tuple[str, ...]
    interfaces: tuple[Interface, ...]


@dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """Everything a host needs to build one server; no look-up, no database."""

    server_id: str
    name: str
    project_id: str
    user_id: str
    flavor: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    ephemeral_gb: int
    swap_mb: int
    image: ImageSource | None  # None: the root disk is a volume, or the driver needs none
    nics: tuple[Nic, ...]
    volumes: tuple[VolumeConnection, ...] = ()  # by device
    rescue: ImageSource | None = None  # for RESCUE
    config_drive: Particulars | None = None  # what is on the guest's config drive; None: it has none

    @property
    def boots_from_volume(self) -> bool:
        return any(volume.boot_index == 0 for volume in self.volumes)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """The other host of a move. ``address``: where it is reached. ``directory``: of the server's disks there, for
    MIGRATE."""

    host: str
    address: str = ""
    directory: str = ""


@dataclass(frozen=True, kw_only=True)
class OfferedDisk:
    """``name``: of its file. ``format``: qcow2 or raw. ``size``: bytes that the guest sees. ``export``: the name that
    it is served under, a secret."""

    name: str
    format: str
    size: int
    export: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Disks that a host serves over NBD and mutual TLS to another one."""

    address: str
    port: int
    disks: tuple[OfferedDisk, ...]


@dataclass(frozen=True, kw_only=True)
class Order:
    """One step of an operation for one host (C-06, C-08).

    The host looks first and then acts; it refuses an order whose ``fence`` is lower than the highest that it has
    seen for this server; the same (operation_id, step, fence) again while at work is ignored, after the end it is
    answered from memory. ``attempt`` counts the sends of this step, from 1: a non-convergent action runs on
    attempt 1 only.
    """

    operation_id: str
    step: str
    fence: int
    attempt: int
    server_id: str
    action: Action
    guest: GuestSpec | None = None  # for BUILD; for START, RESUME and hard reboot to define the domain anew
    volume: VolumeConnection | None = None  # for ATTACH_VOLUME and DETACH_VOLUME
    peer: Peer | None = None  # for the verbs of moves
    timeout_s: int = 60  # STOP and REBOOT_SOFT: how long the guest may take to obey the power button
    # DETACH_VOLUME: how long it may take to let go
    upload: Upload | None = None  # for SNAPSHOT
    start: bool = True  # BUILD and UNRESCUE: whether the guest is to run afterwards


@dataclass(frozen=True, kw_only=True)
class Report:
    """A host's answer to an Order: the end (``done``), or a sign of life (``done`` False)."""

    operation_id: str
    step: str
    fence: int
    server_id: str
    host: str
    done: bool
    power: Power = Power.NONE
    error: str | None = None  # why it failed, in words for the server's fault; None is success
    error_kind: str | None = None  # errors.Error.kind
    stale: bool = False  # refused: the host has seen a newer fence
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Guest:
    """One domain with our marker, as found on a host."""

    server_id: str
    power: Power
    fence: int
    io_error: bool = False  # PAUSED by the hypervisor, because a disk did not answer


@dataclass(frozen=True, kw_only=True)
class PluggedVolume:
    """A volume that a guest has: while it runs (``live``), in its definition (``defined``), or both."""

    server_id: str
    volume_id: str
    export: str  # the name that it is served under
    live: bool
    defined: bool


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A server that has no claim on a host: what is left of it there is to be destroyed under this fence."""

    server_id: str
    fence: int


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a compute host has, and which hypervisor. RAM in MiB, disk in GiB, before overcommit."""

    vcpus: int
    ram_mb: int
    disk_gb: int
    hypervisor_type: str  # "QEMU" or "KVM" or "fake", as the compute API words it
    hypervisor_version: int  # libvirt's number: 7002000 is 7.2.0
    hypervisor_hostname: str
    cpu_arch: str
    host_ip: str


@dataclass(frozen=True, kw_only=True)
class Backend:
    """What a volume host offers: GiB in all, and where its exports listen. ``served``: (server id, digest of its
    exports there; see model/volume_order.py)."""

    total_gb: int
    address: str
    port: int
    served: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A daemon's sign of life, every 2 s. ``boot_id`` is new at every start of the process; ``address``: where
    other hosts reach this one (tunnels, exports); ``roles``: of a network agent."""

    binary: str  # "iaas-compute"
    host: str
    boot_id: str
    pid: int
    rss_kb: int
    address: str = ""
    roles: tuple[str, ...] = ()
    backend: Backend | None = None  # iaas-volume only
    resources: Resources | None = None  # compute only
    guests: tuple[Guest, ...] | None = None  # compute only; None when the hypervisor can't be asked


@dataclass(frozen=True, kw_only=True)
class Door:
    """A way to a guest's screen for one connection that comes soon: mutual TLS to ``port`` of the compute host,
    then ``secret`` and a line feed (never logged); what follows is the screen's own protocol."""

    port: int
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CachedImage:
    """An image's raw disk on a compute host. ``bytes`` on the disk; ``used_at``: Unix time of the last use; ``users``:
    disks of servers that stand on it."""

    name: str
    image_id: str
    bytes: int
    used_at: float
    users: int


@dataclass(frozen=True, kw_only=True)
class ComputeInventory:
    """For the audit: everything on a compute host that carries our mark."""

    guests: tuple[Guest, ...]
    instance_dirs: tuple[str, ...]  # server ids
    cached_images: tuple[CachedImage, ...]  # those that are complete
    partial_files: tuple[str, ...]  # temporary files older than their lease
    taps: tuple[str, ...]  # tap devices that guests are plugged into
    volumes: tuple[PluggedVolume, ...] = ()
