"""Subnets as values, and the one question about their geometry that every layer asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """``pools``: (first, last) addresses that may be handed out; ``host_routes``: (destination, next hop)."""

    id: str
    project_id: str
    network_id: str
    name: str
    description: str
    ip_version: int
    cidr: str
    gateway_ip: str | None
    enable_dhcp: bool
    pools: tuple[tuple[str, str], ...]
    dns_nameservers: tuple[str, ...]
    host_routes: tuple[tuple[str, str], ...]
    ipv6_ra_mode: str | None
    ipv6_address_mode: str | None
    revision: int
    created_at: datetime
    updated_at: datetime
    tags: tuple[str, ...] = ()

    @property
    def net(self) -> IPv4Network | IPv6Network:
        return ip_network(self.cidr)

    def holds(self, ip: str) -> bool:
        """Whether the address is one of the subnet's; False for what is no address."""
        try:
            return ip_address(ip) in self.net
        except ValueError:
            return False

    @property
    def pool_offsets(self) -> tuple[tuple[int, int], ...]:
        """The pools as distances from the subnet's first address, both ends included."""
        base = int(self.net.network_address)
        return tuple((int(ip_address(a)) - base, int(ip_address(b)) - base) for a, b in self.pools)
