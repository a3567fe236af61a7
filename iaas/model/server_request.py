"""What a user wants when asking for servers: a value between the API and the logic. Knows no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from iaas.model.network import NetworkRequest


class NetworkWish(StrEnum):
    """How a request without a list of networks is read."""

    AUTO = "auto"  # the project's only network; one is made for it if it has none
    NONE = "none"  # no interface
    DEFAULT = "default"  # nothing was said: the project's only network, if it has one


class DiskSource(StrEnum):
    """What a server's volume is: one that there is, or a new one made of this."""

    VOLUME = "volume"
    SNAPSHOT = "snapshot"
    IMAGE = "image"
    BLANK = "blank"


@dataclass(frozen=True, kw_only=True)
class DiskWish:
    """A volume that the server is to have. ``boot_index`` 0: the root disk. ``size_gb`` None: as its source."""

    source: DiskSource
    id: str | None
    size_gb: int | None = None
    boot_index: int | None = None
    delete_on_termination: bool = False
    device: str | None = None
    tag: str | None = None
    volume_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class LocalDisks:
    """What a request says of the flavor's own further disks; 0: nothing."""

    ephemeral_gb: int = 0
    swap_mb: int = 0


@dataclass(frozen=True, kw_only=True)
class NewServers:
    """``max_count`` are wanted, ``min_count`` are enough when the quota has no room for more.

    ``user_data`` is base64 as given; ``forced_host`` only from callers that may force one; ``zero_disk``: the
    caller may use a flavor without a root disk size for a local disk. ``hints``: different_host and same_host, ids of
    servers.
    """

    name: str
    flavor_id: str
    image_id: str | None  # None: the root disk is one of ``disks``
    min_count: int = 1
    max_count: int = 1
    description: str | None = None
    key_name: str | None = None
    user_data: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    availability_zone: str | None = None
    forced_host: str | None = None
    config_drive: bool = False
    networks: NetworkWish | tuple[NetworkRequest, ...] = NetworkWish.DEFAULT
    security_groups: tuple[str, ...] = ()
    zero_disk: bool = False
    group_id: str | None = None
    hints: dict[str, list[str]] = field(default_factory=dict)
    disks: tuple[DiskWish, ...] = ()
    local: LocalDisks = LocalDisks()
