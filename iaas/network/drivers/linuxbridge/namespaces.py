"""The namespace of a network's DHCP port: its leg, addresses and route. Knows no DHCP server.

``qdhcp-<network id>`` holds ``ns-<port>``; the outer end ``dp-<port>`` is a member of the network's bridge.
"""

from __future__ import annotations

from collections.abc import Mapping

from iaas import failpoints
from iaas.errors import Internal, NotFound
from iaas.host import netns
from iaas.host.exec import Runner
from iaas.host.netlink import Link
from iaas.model.wiring import dhcp_namespace
from iaas.network.agent.steps import Namespace
from iaas.network.drivers.linuxbridge import bridges, legs

_DEFAULT = "0.0.0.0/0"


def inner(port_id: str) -> str:
    return "ns-" + port_id[:11]


def outer(port_id: str) -> str:
    return "dp-" + port_id[:11]


def found(wanted: Namespace, links: Mapping[str, Link]) -> Namespace | None:
    """What there is in the place of ``wanted``, in its terms; None when it is missing or can't be read. ``links``: of
    the host."""
    bridge = bridges.master(links, outer(wanted.port_id))
    if bridge is None:
        return None
    try:
        inside = legs.inside(dhcp_namespace(wanted.network_id))
    except (OSError, Internal, NotFound):
        return None
    device = inner(wanted.port_id)
    link = inside.links.get(device)
    if link is None or not link.up:
        return None
    return Namespace(
        network_id=wanted.network_id,
        bridge=bridge,
        port_id=wanted.port_id,
        mac=link.mac,
        mtu=link.mtu,
        addresses=tuple(sorted(inside.addresses[device])),
        gateway=_gateway(inside, device),
    )


def ensure(runner: Runner, wanted: Namespace) -> None:
    """Makes the namespace as wanted; what is already right is not touched, so that no packet is lost. Raises
    NotFound without the bridge."""
    name, device = dhcp_namespace(wanted.network_id), inner(wanted.port_id)
    if not bridges.exists(wanted.bridge):
        raise NotFound.of("bridge", wanted.bridge)
    failpoints.hit("network.agent.before_namespace")
    netns.create(runner, name)
    legs.ensure(runner, name, outer=outer(wanted.port_id), inner=device, mac=wanted.mac, mtu=wanted.mtu,
                bridge=wanted.bridge)  # fmt: skip
    failpoints.hit("network.agent.after_namespace")
    now = legs.inside(name)
    lines = legs.address_lines(device, now.addresses[device], wanted.addresses)
    if wanted.gateway:
        lines.append(f"route replace default via {wanted.gateway} dev {device} onlink")
    elif _gateway(now, device):
        lines.append("route delete default")
    bridges.batch(runner, lines, namespace=name)


def remove(runner: Runner, network_id: str, port_id: str | None) -> None:
    """Takes the veth away before the name, so that nothing lives on behind a process that still holds it."""
    failpoints.hit("network.agent.before_namespace_removed")
    if port_id is not None and bridges.exists(outer(port_id)):
        bridges.batch(runner, [f"link delete {outer(port_id)}"])
    netns.delete(runner, dhcp_namespace(network_id))


def _gateway(inside: legs.Inside, device: str) -> str | None:
    return next((route.hop for route in inside.routes[device] if route.destination == _DEFAULT and route.hop), None)
