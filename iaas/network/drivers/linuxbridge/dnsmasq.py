"""What dnsmasq is told, as text: command line, hosts file, options file; and how its lease file is read.
Pure.

Every name and number is checked before it is written: nothing that a user chose can add a line, an option or
a second client to a file (S-086). Of bad values the line is left out, or the name replaced by one from the
address. IPv4 only: the addresses of IPv6 ports are fixed in the database and announced by the network's
router.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path

from iaas.errors import Invalid
from iaas.model.wiring import DhcpHost, NetworkWiring, SubnetWiring

LEASE_SECONDS = 86400
METADATA_ROUTE = "169.254.169.254/32"
_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")


def check_domain(domain: str) -> str:
    """The domain in lower case. Raises Invalid when it is no domain name."""
    if len(domain) > 200 or not _DOMAIN.fullmatch(domain.lower()):
        raise Invalid("the DNS domain of the guests is not a domain name", field="domain")
    return domain.lower()


def served(network: NetworkWiring) -> list[tuple[SubnetWiring, IPv4Network, str]]:
    """(subnet, its network, the server's own address) of the IPv4 subnets with DHCP."""
    if network.dhcp is None:
        return []
    own = {fixed.subnet_id: fixed.ip for fixed in network.dhcp.ips}
    found = []
    for subnet in network.subnets:
        if subnet.ip_version == 4 and subnet.enable_dhcp and subnet.id in own:
            cidr = ip_network(subnet.cidr, strict=False)
            if isinstance(cidr, IPv4Network):
                found.append((subnet, cidr, str(ip_address(own[subnet.id]))))
    return found


def command(network: NetworkWiring, interface: str, directory: Path, domain: str) -> list[str]:
    """The command line; it changes only with the subnets, and then dnsmasq must be started anew."""
    argv = [
        "dnsmasq", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping",
        "--bind-dynamic", "--except-interface=lo", f"--interface={interface}",
        f"--pid-file={directory / 'pid'}", f"--log-facility={directory / 'log'}", "--quiet-dhcp",
        f"--dhcp-hostsfile={directory / 'hosts'}", f"--dhcp-optsfile={directory / 'opts'}",
        f"--dhcp-leasefile={directory / 'leases'}", "--dhcp-authoritative", "--dhcp-ignore=tag:!known",
        f"--domain={domain}", f"--local=/{domain}/", "--domain-needed", "--bogus-priv",
        "--dhcp-lease-max=65536", "--user=root", "--group=root",
    ]  # fmt: skip
    for subnet, cidr, _ in served(network):
        argv.append(f"--dhcp-range=set:{_tag(subnet)},{cidr.network_address},static,{cidr.netmask},{LEASE_SECONDS}s")
    return argv


def hosts(network: NetworkWiring, domain: str) -> str:
    """One line per client and address. A second client of an address is left out: dnsmasq would not start."""
    lines, seen = [], set()
    subnets = {subnet.id for subnet, _, _ in served(network)}
    for host in network.dhcp.hosts if network.dhcp else ():
        mac = host.mac.lower()
        for fixed in host.ips:
            ip = _ipv4(fixed.ip)
            if ip and ip not in seen and fixed.subnet_id in subnets and _MAC.fullmatch(mac):
                seen.add(ip)
                lines.append(f"{mac},id:*,{_name(host, ip)}.{domain},{ip}")
    return "".join(f"{line}\n" for line in lines)


def options(network: NetworkWiring) -> str:
    """Router, routes, name servers and MTU of every subnet. Option 121 must repeat the default route."""
    lines = []
    for subnet, _, own in served(network):
        tag = f"tag:{_tag(subnet)}"
        gateway = _ipv4(subnet.gateway_ip)
        routes = [METADATA_ROUTE, own, *_routes(subnet), *(["0.0.0.0/0", gateway] if gateway else [])]
        lines.append(f"{tag},option:classless-static-route,{','.join(routes)}")
        lines.append(f"{tag},249,{','.join(routes)}")
        # without a value, dnsmasq would name itself as the router
        lines.append(f"{tag},option:router,{gateway}" if gateway else f"{tag},option:router")
        servers = [server for server in map(_ipv4, subnet.dns_nameservers) if server] or [own]
        lines.append(f"{tag},option:dns-server,{','.join(servers)}")
        lines.append(f"{tag},option:mtu,{int(network.mtu)}")
    return "".join(f"{line}\n" for line in lines)


def leases(text: str) -> list[tuple[str, str]]:
    """(MAC, address) of every IPv4 lease in a lease file: ``expiry mac ip name client-id``."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and _MAC.fullmatch(words[1].lower()) and _ipv4(words[2]):
            found.append((words[1].lower(), words[2]))
    return found


def _tag(subnet: SubnetWiring) -> str:
    return "s" + "".join(letter for letter in subnet.id if letter.isalnum())[:32]


def _name(host: DhcpHost, ip: str) -> str:
    name = host.hostname.lower()
    return name if _HOSTNAME.fullmatch(name) else "host-" + ip.replace(".", "-")


def _routes(subnet: SubnetWiring) -> Iterator[str]:
    for destination, hop in subnet.host_routes:
        try:
            network = ip_network(destination, strict=False)
        except ValueError:
            continue
        if network.version == 4 and network.prefixlen and str(network) != METADATA_ROUTE and _ipv4(hop):
            yield from (str(network), hop)


@lru_cache(maxsize=16384)
def _ipv4(text: str | None) -> str | None:
    try:
        return str(ip_address(text)) if text and ip_address(text).version == 4 else None
    except ValueError:
        return None
