"""The packet filter that a wish asks for, and which known flows a change of it must end. Pure.

Knows nothing of nft: drivers/nft_rules.py words a Filter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from iaas.model.network import FLAT
from iaas.model.wiring import GroupWiring, HostWiring, NetworkWiring, RuleWiring, tap_name
from iaas.network.agent.steps import Filter, FilterPort


def wanted(wish: HostWiring, bridges: Mapping[str, str], arriving: Collection[str] = ()) -> Filter:
    """``bridges``: network id -> bridge, of the networks that can be wired. A port of another network is left
    out, which means that its tap is unknown and everything from it is dropped.

    A flat network has no conntrack zone of its own: it is a piece of the world that the host itself lives in,
    where the host may route and translate addresses, and a zone would hide the answers from the host.
    """
    networks = {network.id: network for network in wish.networks if network.id in bridges}
    zones = {network.id: 0 if network.kind == FLAT else network.zone for network in networks.values()}
    ports = [
        FilterPort(
            id=port.id,
            bridge=bridges[port.network_id],
            zone=zones[port.network_id],
            mac=port.mac.lower(),
            ips=tuple(sorted(port.ips)),
            allowed_pairs=tuple(sorted(port.allowed_pairs)),
            groups=tuple(sorted(port.groups)),
            port_security=port.port_security,
        )
        for port in wish.ports
        if port.network_id in networks
    ]
    return Filter(
        ports=tuple(sorted(ports, key=lambda port: port.id)),
        groups=tuple(sorted((_sorted(group) for group in wish.groups), key=lambda group: group.id)),
        zones=tuple(sorted((bridges[id], zone) for id, zone in zones.items() if zone)),
        flat=tuple(sorted({bridges[id] for id, network in networks.items() if network.kind == FLAT})),
        arriving=tuple(sorted(arriving)),
        peers=_peers(networks.values()),
    )


def arriving(wish: HostWiring, taps: Collection[str], before: Filter | None) -> set[str]:
    """Ports that are on another host too, and had no tap here when that began: guests on their way to this host.

    What is sent to them is flooded to both hosts. Until a guest runs here, and QEMU says so with the guest's MAC, its
    tap would store what the guest has answered there already.
    """
    elsewhere = {
        (network.id, remote.mac.lower())
        for network in wish.networks
        if network.tunnel is not None
        for remote in network.tunnel.remotes
    }
    known = set(before.arriving) if before else set()
    return {
        port.id
        for port in wish.ports
        if (port.network_id, port.mac.lower()) in elsewhere and (port.id in known or tap_name(port.id) not in taps)
    }


def _peers(networks: Iterable[NetworkWiring]) -> tuple[str, ...] | None:
    tunnels = [network.tunnel for network in networks if network.tunnel is not None]
    return tuple(sorted({peer for tunnel in tunnels for peer in tunnel.peers})) if tunnels else None


def forgotten(old: Filter, new: Filter) -> tuple[tuple[int, str], ...]:
    """(zone, address) whose known flows must end with the change: what is gone or lost a permission (S-080).

    A flow that the new rules allow is known again with its next packet, so a few too many do no harm.
    """
    groups_before = {group.id: group for group in old.groups}
    groups_now = {group.id: group for group in new.groups}
    narrowed = {id for id, group in groups_before.items() if _rules_lost(group, groups_now.get(id))}
    departed = {id: _members_lost(group, groups_before, groups_now) for id, group in groups_before.items()}
    ports_now = {port.id: port for port in new.ports}
    lost: set[tuple[int, str]] = set()
    for port in old.ports:
        now = ports_now.get(port.id)
        lost.update((port.zone, ip) for ip in _port_lost(port, now, narrowed))
        if now is not None and now.port_security:
            lost.update((port.zone, ip) for group in port.groups for ip in departed.get(group, ()))
    return tuple(sorted(lost))


def _port_lost(before: FilterPort, now: FilterPort | None, narrowed: set[str]) -> set[str]:
    """The port's own addresses whose flows may no longer be allowed."""
    if now is None or now.zone != before.zone:
        return set(before.ips)
    tightened = now.port_security and (
        not before.port_security or any(group in narrowed or group not in now.groups for group in before.groups)
    )
    return set(before.ips) if tightened else set(before.ips) - set(now.ips)


def _rules_lost(before: GroupWiring, now: GroupWiring | None) -> bool:
    return now is None or not set(before.rules) <= set(now.rules)


def _members_lost(group: GroupWiring, before: Mapping[str, GroupWiring], now: Mapping[str, GroupWiring]) -> set[str]:
    """Addresses that were allowed by the group's rules on remote groups and are members there no more."""
    lost: set[str] = set()
    for remote in {rule.remote_group_id for rule in group.rules if rule.remote_group_id}:
        members = set(before[remote].members) if remote in before else set()
        lost |= members - (set(now[remote].members) if remote in now else set())
    return lost


def _sorted(group: GroupWiring) -> GroupWiring:
    return GroupWiring(
        id=group.id,
        rules=tuple(sorted(set(group.rules), key=_order)),
        members=tuple(sorted(set(group.members))),
    )


def _order(rule: RuleWiring) -> tuple[str, ...]:
    return tuple(
        f"{value:>8}" if isinstance(value, int) else str(value)
        for value in (
            rule.direction, rule.ip_version, rule.protocol, rule.port_min, rule.port_max,
            rule.remote_cidr, rule.remote_group_id,
        )
    )  # fmt: skip
