"""Short ways to write a HostWiring for tests of the network's host side."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from iaas.model.wiring import (
    DhcpHost,
    DhcpWiring,
    FixedIp,
    FloatingIpWiring,
    GroupWiring,
    HostWiring,
    NetworkWiring,
    PortWiring,
    RemotePort,
    RouterPort,
    RouterWiring,
    RuleWiring,
    SubnetWiring,
    TunnelWiring,
)

_PROCESS = os.getpid()  # also in the processes that it forks
ZONE = 20000 + _PROCESS % 20000  # the first conntrack zone of this process's tests


def uid(text: str) -> str:
    """A uuid that is the same for the same text in this process: device names come from it, and test processes
    run side by side."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{_PROCESS} {text}"))


def mac(number: int) -> str:
    return f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"


def rule(direction: str = "ingress", **changes: object) -> RuleWiring:
    plain = RuleWiring(
        direction=direction, ip_version=4, protocol=None, port_min=None, port_max=None,
        remote_cidr=None, remote_group_id=None,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


EGRESS = (rule("egress"), rule("egress", ip_version=6))


def group(name: str, *rules: RuleWiring, members: tuple[str, ...] = ()) -> GroupWiring:
    return GroupWiring(id=uid(name), rules=(*EGRESS, *rules), members=members)


def subnet(name: str, cidr: str, **changes: object) -> SubnetWiring:
    prefix = cidr.rsplit(".", 1)[0]
    plain = SubnetWiring(
        id=uid(name), ip_version=4, cidr=cidr, gateway_ip=f"{prefix}.1", dns_nameservers=(),
        host_routes=(), enable_dhcp=True,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def port(
    name: str, network: str, number: int, ip: str, *groups: str, revision: int = 1, **changes: object
) -> PortWiring:
    plain = PortWiring(
        id=uid(name), network_id=uid(network), mac=mac(number), ips=(ip,), allowed_pairs=(),
        groups=tuple(map(uid, groups)), port_security=True, revision=revision,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def network(
    name: str, cidr: str, ports: tuple[PortWiring, ...] = (), *, zone: int = ZONE, dhcp: bool = True,
    **changes: object,
) -> NetworkWiring:  # fmt: skip
    """A local network with one subnet, whose DHCP server (address .2) is this host's and knows the ports."""
    sub = subnet(f"{name}-subnet", cidr)
    prefix = cidr.rsplit(".", 1)[0]
    hosts = tuple(
        DhcpHost(
            port_id=item.id, mac=item.mac, hostname=f"host-{item.ips[0].replace('.', '-')}",
            ips=tuple(FixedIp(subnet_id=sub.id, ip=ip) for ip in item.ips),
        )
        for item in ports
        if item.network_id == uid(name)
    )  # fmt: skip
    server = DhcpWiring(
        port_id=uid(f"{name}-dhcp"), mac=mac(60000 + zone % 5000), hosts=hosts,
        ips=(FixedIp(subnet_id=sub.id, ip=f"{prefix}.2"),),
    )  # fmt: skip
    plain = NetworkWiring(
        id=uid(name), kind="local", physical_network=None, segmentation_id=None, mtu=1450, zone=zone,
        subnets=(sub,), dhcp=server if dhcp else None,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def wish(
    networks: tuple[NetworkWiring, ...] = (),
    ports: tuple[PortWiring, ...] = (),
    groups: tuple[GroupWiring, ...] = (),
    routers: tuple[RouterWiring, ...] = (),
) -> HostWiring:
    return HostWiring(networks=networks, ports=ports, groups=groups, routers=routers)


def small(*numbers: int, name: str = "net", zone: int = ZONE, cidr: str = "10.77.0.0/24") -> HostWiring:
    """One network with a port for every number (address .10 + number), all in the group "default"."""
    prefix = cidr.rsplit(".", 1)[0]
    ports = tuple(
        port(f"{name}-{number}", name, (zone - ZONE) * 16 + number, f"{prefix}.{10 + number}", "default")
        for number in numbers
    )
    members = tuple(ip for item in ports for ip in item.ips)
    within = rule(remote_group_id=uid("default"))
    return wish((network(name, cidr, ports, zone=zone),), ports, (group("default", within, members=members),))


def tunnelled(
    name: str, cidr: str, vni: int, here: str, ports: Mapping[str, Sequence[PortWiring]], *, zone: int = ZONE,
    dhcp_on: str | None = None,
) -> NetworkWiring:  # fmt: skip
    """A VXLAN network as the host at the address ``here`` sees it. ``ports``: address of a host -> its ports."""
    everybody = tuple(item for host in ports for item in ports[host] if item.network_id == uid(name))
    net = network(name, cidr, everybody, zone=zone, kind="vxlan", segmentation_id=vni)
    assert net.dhcp is not None
    remotes = [
        RemotePort(mac=item.mac, ips=item.ips, address=host)
        for host in ports
        if host != here
        for item in ports[host]
        if item.network_id == uid(name)
    ]
    if dhcp_on is not None and dhcp_on != here:
        remotes.append(RemotePort(mac=net.dhcp.mac, ips=tuple(fixed.ip for fixed in net.dhcp.ips), address=dhcp_on))
    peers = tuple(sorted(({*ports, dhcp_on} if dhcp_on else {*ports}) - {here}))
    tunnel = TunnelWiring(peers=peers, remotes=tuple(remotes))
    return replace(net, tunnel=tunnel, dhcp=net.dhcp if dhcp_on == here else None)


def outside(name: str = "outside", cidr: str = "203.0.113.0/24", *, zone: int = ZONE + 300) -> NetworkWiring:
    """The external network of routers: flat on physnet1, nobody's DHCP."""
    return network(name, cidr, zone=zone, dhcp=False, kind="flat", physical_network="physnet1", mtu=1500)


def router(
    name: str, *interfaces: tuple[str, str], gateway: str | None = None, floating: Mapping[str, str] | None = None,
    **changes: object,
) -> RouterWiring:  # fmt: skip
    """``interfaces``: (network, address); ``gateway``: its address on the network "outside", whose .1 is the next hop;
    ``floating``: floating address -> fixed address."""
    plain = RouterWiring(
        id=uid(name),
        interfaces=tuple(_router_port(name, net, ip) for net, ip in interfaces),
        gateway=_router_port(name, "outside", gateway) if gateway else None,
        next_hops=(gateway.rsplit(".", 1)[0] + ".1",) if gateway else (),
        snat=True,
        routes=(),
        floating_ips=tuple(
            FloatingIpWiring(id=uid(f"{name}-{ip}"), floating_ip=ip, fixed_ip=fixed)
            for ip, fixed in (floating or {}).items()
        ),
        revision=1,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def _router_port(router: str, net: str, ip: str) -> RouterPort:
    number = int(uid(f"{router}-{net}")[:4], 16)
    return RouterPort(
        port_id=uid(f"{router}-{net}"), network_id=uid(net), mac=f"fa:16:3e:77:{number >> 8:02x}:{number & 255:02x}",
        ips=((ip, 24),), mtu=1450,
    )  # fmt: skip
