"""The geometry of subnets: what a CIDR, gateway, pool, route or server address may be. Pure.

Everything that passes here has canonical form and is safe to write into a DHCP server's files (S-086, S-087).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import pairwise

from iaas.errors import Conflict, Invalid

Net = IPv4Network | IPv6Network
Ip = IPv4Address | IPv6Address
Pool = tuple[str, str]
MAX_POOLS, MAX_NAMESERVERS, MAX_ROUTES = 20, 5, 20


def parse_address(text: str, field: str, version: int | None = None) -> Ip:
    """Raises Invalid for what is no address of that version; zones (``%eth0``) are refused."""
    try:
        ip = ip_address(text)
    except ValueError:
        raise Invalid(f"'{text[:64]}' is not a valid IP address.", field=field) from None
    if getattr(ip, "scope_id", None) or (version is not None and ip.version != version):
        raise Invalid(f"'{text[:64]}' is not a valid IPv{version or 6} address.", field=field)
    return ip


def parse_network(text: str, field: str) -> Net:
    """A CIDR without host bits. Raises Invalid."""
    try:
        net = ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"'{text[:64]}' is not a valid IP subnet.", field=field) from None
    if "/" not in text or ip_address(text.partition("/")[0]) != net.network_address:
        raise Invalid(f"'{text[:64]}' isn't a recognized IP subnet cidr, '{net}' is recommended.", field=field)
    return net


def subnet_cidr(text: str, version: int) -> Net:
    """A range that guests may live in: no loopback, link-local, multicast or reserved addresses."""
    net = parse_network(text, "cidr")
    if net.version != version:
        raise Invalid(f"Invalid input for operation: cidr {net} does not match the ip_version.", field="cidr")
    odd = net.is_loopback or net.is_link_local or net.is_multicast or net.is_unspecified
    if odd or net.prefixlen == 0 or (net.version == 4 and net.is_reserved):
        raise Invalid(f"Invalid input for operation: cidr {net} can't be a subnet.", field="cidr")
    metadata = ip_network("169.254.0.0/16")
    if net.version == 4 and net.overlaps(metadata):
        raise Invalid(f"Invalid input for operation: cidr {net} holds link-local addresses.", field="cidr")
    return net


def ends(net: Net) -> tuple[Ip, Ip]:
    """The first and last address that a host may have."""
    if net.prefixlen >= net.max_prefixlen - 1:
        return net[0], net[-1]
    return net[1], (net[-2] if net.version == 4 else net[-1])


def usable(net: Net, ip: Ip) -> bool:
    low, high = ends(net)
    return int(low) <= int(ip) <= int(high) and ip.version == net.version


def default_gateway(net: Net) -> str:
    return str(ends(net)[0])


def gateway(net: Net, text: str) -> str:
    ip = parse_address(text, "gateway_ip", net.version)
    link_local = net.version == 6 and ip.is_link_local
    if not link_local and not usable(net, ip):
        raise Invalid(f"Invalid input for operation: Gateway {ip} is not valid on subnet.", field="gateway_ip")
    return str(ip)


def default_pools(net: Net, gateway_ip: str | None) -> tuple[Pool, ...]:
    """Everything that a host may have but the gateway."""
    low, high = (int(ip) for ip in ends(net))
    spans = [(low, high)]
    gate = int(ip_address(gateway_ip)) if gateway_ip and ip_address(gateway_ip) in net else None
    if gate is not None and low <= gate <= high:
        spans = [(low, gate - 1), (gate + 1, high)]
    make = IPv4Address if net.version == 4 else IPv6Address
    return tuple((str(make(first)), str(make(last))) for first, last in spans if first <= last)


def pools(net: Net, given: Sequence[Pool], gateway_ip: str | None) -> tuple[Pool, ...]:
    """The given pools, checked and sorted. Raises Invalid, or Conflict for pools that lie outside the subnet,
    overlap or hold the gateway."""
    if len(given) > MAX_POOLS:
        raise Invalid(f"At most {MAX_POOLS} allocation pools are possible.", field="allocation_pools")
    spans: list[tuple[int, int]] = []
    parsed = []
    for first, last in given:
        low = parse_address(first, "allocation_pools", net.version)
        high = parse_address(last, "allocation_pools", net.version)
        if int(low) > int(high):
            raise Invalid(f"The allocation pool {low}-{high} is not valid.", code="InvalidAllocationPool")
        if not usable(net, low) or not usable(net, high):
            raise Conflict(
                f"The allocation pool {low}-{high} spans beyond the subnet cidr {net}.",
                code="OutOfBoundsAllocationPool",
            )
        spans.append((int(low), int(high)))
        parsed.append((int(low), (str(low), str(high))))
    spans.sort()
    if any(later[0] <= earlier[1] for earlier, later in pairwise(spans)):
        raise Conflict(f"Found overlapping allocation pools for {net}.", code="OverlappingAllocationPools")
    if gateway_ip and any(low <= int(ip_address(gateway_ip)) <= high for low, high in spans):
        raise Conflict(
            f"Gateway ip {gateway_ip} conflicts with an allocation pool.", code="GatewayConflictWithAllocationPools"
        )
    return tuple(pool for _, pool in sorted(parsed))


def nameservers(given: Sequence[str]) -> list[str]:
    if len(given) > MAX_NAMESERVERS:
        raise Invalid(f"At most {MAX_NAMESERVERS} DNS name servers are possible.", field="dns_nameservers")
    parsed = [str(parse_address(text, "dns_nameservers")) for text in given]
    if len(set(parsed)) != len(parsed):
        raise Invalid("Duplicate nameserver in dns_nameservers.", field="dns_nameservers")
    return parsed


def host_routes(given: Iterable[tuple[str, str]], version: int) -> list[list[str]]:
    routes = []
    for destination, hop in given:
        net = parse_network(destination, "host_routes")
        next_hop = parse_address(hop, "host_routes", version)
        if net.version != version:
            raise Invalid(f"The route to {net} is not of IPv{version}.", field="host_routes")
        routes.append([str(net), str(next_hop)])
    if len(routes) > MAX_ROUTES:
        raise Invalid(f"At most {MAX_ROUTES} host routes are possible.", field="host_routes")
    if len({tuple(route) for route in routes}) != len(routes):
        raise Invalid("Duplicate route in host_routes.", field="host_routes")
    return routes
