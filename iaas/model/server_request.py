"""What a user wants when asking for servers: a value between the API and the logic. Knows no HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from iaas.model.network import NetworkRequest


class NetworkWish(StrEnum):
    """How a request without a list of networks is read."""

    AUTO = "auto"  # the project's only network; none at all is an error
    NONE = "none"  # no interface
    DEFAULT = "default"  # nothing was said: the project's only network, if it has one


@dataclass(frozen=True, kw_only=True)
class NewServers:
    """``max_count`` are wanted, ``min_count`` are enough when the quota has no room for more.

    ``user_data`` is base64 as given; ``forced_host`` only from callers that may force one; ``zero_disk``: the
    caller may use a flavor without a root disk size for a local disk. ``hints``: different_host and same_host, ids of
    servers.
    """

    name: str
    flavor_id: str
    image_id: str
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
