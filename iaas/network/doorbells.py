"""Which hosts must look again after a change. They are rung once the change is durable; a lost ring costs an
interval of the agent, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from iaas.db.engine import Tx
from iaas.db.network import hosts as hosts_db
from iaas.model.port import Port
from iaas.network.settings import Settings


@dataclass(frozen=True)
class _Ring:
    """Equal for the same host, so that a transaction rings it once."""

    look: Callable[[str], None]
    host: str

    def __call__(self) -> None:
        self.look(self.host)


def ring(tx: Tx, settings: Settings, hosts: Iterable[str | None]) -> None:
    for host in sorted({host for host in hosts if host}):
        bell = _Ring(settings.look, host)
        if bell not in tx.hooks:
            tx.after_commit(bell)


def ports_changed(tx: Tx, settings: Settings, ports: Iterable[Port]) -> None:
    """Their own hosts, the DHCP hosts of their networks, hosts whose rules name their groups, and those that reach
    them through a tunnel."""
    ports = list(ports)
    places_changed(tx, settings, ports, {port.network_id for port in ports if port.host or port.next_host})
    groups = {group for port in ports for group in port.groups}
    if groups:
        ring(tx, settings, hosts_db.watching(tx, groups))


def places_changed(tx: Tx, settings: Settings, ports: Iterable[Port], tunnelled: Collection[str]) -> None:
    """The same without the rules, which speak of addresses and not of hosts. ``tunnelled``: networks whose hosts must
    hear of it now. What no host has heard of is flooded, so a port that comes to a host that has the network already
    can wait for the next look; one that goes, or was elsewhere, can't."""
    ports = list(ports)
    hosts = {host for port in ports for host in (port.host, port.next_host) if host}
    hosts.update(hosts_db.dhcp_hosts(tx, {port.network_id for port in ports}).values())
    if tunnelled:
        hosts |= hosts_db.over_tunnels(tx, tunnelled)
    ring(tx, settings, hosts)


def network_changed(tx: Tx, settings: Settings, network_id: str) -> None:
    ring(tx, settings, hosts_db.of_network(tx, network_id))


def group_changed(tx: Tx, settings: Settings, group_id: str) -> None:
    ring(tx, settings, hosts_db.of_groups(tx, [group_id]))
