"""What the network service is told by the composition root: numbers, names, and how to ring an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from iaas.config.sections import Network, Quota
from iaas.errors import Invalid

RESOURCES = ("networks", "subnets", "ports", "security_groups", "security_group_rules")


def _silent(host: str) -> None:
    """Nobody to ring: agents look by themselves at every interval."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``look(host)`` asks a host's agent to look again (NetworkAgentRpc.look); ``physical``: physical network ->
    the bridge that it has on every host; ``limits``: default quota per resource, -1 is no limit."""

    look: Callable[[str], None] = _silent
    physical: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(RESOURCES, -1))
    mtu: int = 1500
    mac_prefix: str = "fa:16:3e"

    @classmethod
    def of(cls, network: Network, quota: Quota, look: Callable[[str], None] = _silent) -> Settings:
        """From the sections of the configuration file. Raises Invalid for a malformed pair."""
        return cls(
            look=look,
            physical=_pairs(network.physical_networks),
            limits={resource: getattr(quota, resource) for resource in RESOURCES},
            mtu=network.mtu,
            mac_prefix=network.mac_prefix,
        )


def _pairs(items: Iterable[str]) -> dict[str, str]:
    found = {}
    for item in items:
        name, colon, bridge = item.partition(":")
        if not (name and colon and bridge):
            raise Invalid(f"network.physical_networks: {item!r} is not physical_network:bridge")
        found[name.strip()] = bridge.strip()
    return found
