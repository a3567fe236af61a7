"""VXLAN devices and what they know: who gets what is flooded, and behind which host each port is.

Nothing is learned from the wire by the tunnel: its forwarding entries are the database's. The bridge answers ARP for
ports that it knows (``neigh_suppress``, entries in the bridge's own neighbour table), so that a known address is never
flooded. A port that is on two hosts at once (a migration) has no entry and is reached by the flood.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import AF_INET

from iaas import failpoints
from iaas.errors import NotFound
from iaas.host import netlink
from iaas.host.exec import Runner
from iaas.host.netlink import BRIDGE_FAMILY, NTF_SELF, NUD_NOARP, NUD_PERMANENT, Link, Neighbour
from iaas.model.wiring import tunnel_name
from iaas.network.agent.steps import Tunnel
from iaas.network.drivers.linuxbridge import bridges

PORT = 4789  # UDP, RFC 7348
_EVERYBODY = "00:00:00:00:00:00"
_ID, _LOCAL, _LEARNING, _PORT, _LOCAL6 = 1, 4, 7, 15, 17  # IFLA_VXLAN_…
_NEIGH_SUPPRESS = 32  # IFLA_BRPORT_…


@dataclass(kw_only=True)
class _State:
    """A sound device as it is. ``ends``: MAC -> far end, in the device's own table; ``pinned``: MACs that the bridge
    knows behind the device for good; ``elsewhere``: those that it knows behind other ports."""

    link: Link
    bridge: str
    peers: set[str] = field(default_factory=set)
    ends: dict[str, str] = field(default_factory=dict)
    pinned: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    answers: set[tuple[str, str]] = field(default_factory=set)


def found(network_ids: Iterable[str], links: Mapping[str, Link], local: str) -> tuple[Tunnel, ...]:
    """The tunnels of these networks as they are; one whose device is not as we make it is left out. A port whose entry
    is only half there is told with the address "", so that it differs from every wish."""
    return tuple(_as_it_is(id, state) for id, state in sorted(_states(network_ids, links, local).items()))


def ensure(runner: Runner, wanted: Tunnel, local: str) -> None:
    """Makes the tunnel as wanted; entries that are right are not touched. Raises NotFound without the bridge."""
    name, links = tunnel_name(wanted.network_id), netlink.links()
    if wanted.bridge not in links:
        raise NotFound.of("bridge", wanted.bridge)
    failpoints.hit("network.agent.before_tunnel")
    lines = []
    sound = name in links and _is_ours(links[name], local) and _vni(links[name]) == wanted.vni
    if name in links and not sound:
        lines.append(f"link delete {name}")
    if not sound:
        lines.append(f"link add {name} type vxlan id {int(wanted.vni)} local {local} dstport {PORT} nolearning")
    lines.append(f"link set {name} mtu {int(wanted.mtu)} master {wanted.bridge}")
    lines.append(f"link set {name} type bridge_slave neigh_suppress on")
    bridges.batch(runner, [*lines, f"link set {name} up"])
    failpoints.hit("network.agent.after_tunnel")
    now = _states([wanted.network_id], netlink.links(), local)[wanted.network_id]
    bridges.batch(runner, list(_forwarding(name, now, wanted)), tool="bridge")
    failpoints.hit("network.agent.after_forwarding")
    bridges.batch(runner, list(_answers(now, wanted)))


def remove(runner: Runner, network_id: str) -> None:
    name = tunnel_name(network_id)
    if bridges.exists(name):
        failpoints.hit("network.agent.before_tunnel_removed")
        bridges.batch(runner, [f"link delete {name}"])


def _is_ours(link: Link, local: str) -> bool:
    """Made with these settings, which can't be changed later; membership and MTU can."""
    own = link.details.get(_LOCAL) or link.details.get(_LOCAL6)
    return (
        link.kind == "vxlan"
        and own is not None
        and local == str(ip_address(own))
        and link.details.get(_LEARNING) == b"\0"
        and link.details.get(_PORT) == PORT.to_bytes(2, "big")
    )


def _vni(link: Link) -> int:
    return int.from_bytes(link.details[_ID], "little")


def _states(network_ids: Iterable[str], links: Mapping[str, Link], local: str) -> dict[str, _State]:
    states = {}
    for id in network_ids:
        link = links.get(tunnel_name(id))
        if link is not None and _is_ours(link, local):
            states[id] = _State(link=link, bridge=bridges.master(links, link.name) or "")
    if not states:
        return {}
    devices = {state.link.index: state for state in states.values()}
    members = {state.link.master: state for state in states.values() if state.link.master}
    for entry in netlink.neighbours(BRIDGE_FAMILY):
        if entry.flags & NTF_SELF and entry.index in devices:
            _note_end(devices[entry.index], entry)
        elif entry.master in members:
            state = members[entry.master]
            if entry.index != state.link.index:
                state.elsewhere.add(entry.mac)
            elif entry.state & NUD_NOARP:
                state.pinned.add(entry.mac)
    for entry in netlink.neighbours(AF_INET):
        if entry.state & NUD_PERMANENT and entry.index in members:
            members[entry.index].answers.add((entry.ip, entry.mac))
    return states


def _note_end(state: _State, entry: Neighbour) -> None:
    if entry.mac == _EVERYBODY:
        state.peers.add(entry.ip)
    else:
        state.ends[entry.mac] = entry.ip


def _as_it_is(network_id: str, state: _State) -> Tunnel:
    link = state.link
    whole = link.up and link.slave.get(_NEIGH_SUPPRESS) == b"\1"
    reached = {mac: ip if mac in state.pinned | state.elsewhere else "" for mac, ip in state.ends.items()}
    stray = dict.fromkeys(state.pinned - set(reached), "")
    return Tunnel(
        network_id=network_id,
        bridge=state.bridge if whole else "",
        vni=_vni(link),
        mtu=link.mtu,
        peers=tuple(sorted(state.peers)),
        remotes=tuple(sorted({**reached, **stray}.items())),
        neighbours=tuple(sorted(state.answers)),
    )


def _forwarding(name: str, now: _State, wanted: Tunnel) -> Iterator[str]:
    """``bridge`` commands for the device's own table and the bridge's."""
    ends = dict(wanted.remotes)
    for peer in sorted(now.peers - set(wanted.peers)):
        yield f"fdb delete {_EVERYBODY} dev {name} dst {peer} self"
    for peer in sorted(set(wanted.peers) - now.peers):
        yield f"fdb append {_EVERYBODY} dev {name} dst {peer} self permanent"
    for mac in sorted(now.ends.keys() - ends.keys()):
        yield f"fdb delete {mac} dev {name} self"
    for mac in sorted(now.pinned - ends.keys()):
        yield f"fdb delete {mac} dev {name} master"
    for mac, end in ends.items():
        if now.ends.get(mac) != end:
            yield f"fdb replace {mac} dev {name} dst {end} self static"
        if mac not in now.pinned | now.elsewhere:  # never against what the bridge has seen: a guest may just have moved
            yield f"fdb replace {mac} dev {name} master static"


def _answers(now: _State, wanted: Tunnel) -> Iterator[str]:
    """``ip`` commands for the bridge's neighbour table."""
    ips = {ip for ip, _ in wanted.neighbours}
    for ip, _ in sorted(now.answers):
        if ip not in ips:
            yield f"neighbour delete {ip} dev {wanted.bridge}"
    for ip, mac in wanted.neighbours:
        if (ip, mac) not in now.answers:
            yield f"neighbour replace {ip} lladdr {mac} dev {wanted.bridge} nud permanent"
