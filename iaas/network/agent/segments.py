"""How a network's bridge reaches other hosts: which tunnel or VLAN is wanted. Pure; a part of plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address

from iaas.errors import Invalid, NotFound
from iaas.model.network import VLAN, VXLAN
from iaas.model.wiring import NetworkWiring
from iaas.network.agent.steps import Tunnel, Vlan


def tunnel_of(network: NetworkWiring, bridge: str, here: Collection[str]) -> Tunnel | None:
    """``here``: MACs of the network's ports on this host. Raises Invalid for odd addresses.

    A port that is on two hosts at once, as in a migration, is left to the flood: both get its frames, and nobody has
    to know when it moves.
    """
    if network.kind != VXLAN:
        return None
    if network.tunnel is None:
        raise Invalid(f"network {network.id}: its wiring names no tunnel")
    if network.segmentation_id is None or not 0 < network.segmentation_id < 1 << 24:
        raise Invalid(f"network {network.id}: {network.segmentation_id} is no VXLAN id")
    ends: dict[str, set[str]] = {}
    neighbours: dict[str, str] = {}
    try:
        for remote in network.tunnel.remotes:
            if remote.mac.lower() in here:
                continue
            ends.setdefault(remote.mac.lower(), set()).add(str(ip_address(remote.address)))
            for ip in map(ip_address, remote.ips):
                if ip.version == 4:  # the bridges have no IPv6 of their own, hence no IPv6 neighbours
                    neighbours[str(ip)] = remote.mac.lower()
        peers = tuple(sorted({str(ip_address(peer)) for peer in network.tunnel.peers}))
    except ValueError as error:
        raise Invalid(f"network {network.id}: bad address of another host: {error}") from error
    return Tunnel(
        network_id=network.id,
        bridge=bridge,
        vni=network.segmentation_id,
        mtu=network.mtu,
        peers=peers,
        remotes=tuple(sorted((mac, min(hosts)) for mac, hosts in ends.items() if len(hosts) == 1)),
        neighbours=tuple(sorted(neighbours.items())),
    )


def vlan_of(network: NetworkWiring, bridge: str, physical: Mapping[str, str]) -> Vlan | None:
    """``physical``: physical network -> the device that carries its VLANs. Raises NotFound, Invalid."""
    if network.kind != VLAN:
        return None
    if network.segmentation_id is None or not 0 < network.segmentation_id < 4095:
        raise Invalid(f"network {network.id}: {network.segmentation_id} is no VLAN id")
    trunk = physical.get(network.physical_network or "")
    if trunk is None:
        raise NotFound(f"physical network {network.physical_network} has no device on this host")
    return Vlan(network_id=network.id, bridge=bridge, trunk=trunk, vid=network.segmentation_id, mtu=network.mtu)
