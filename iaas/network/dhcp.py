"""The DHCP server of a network: on which host it runs, and the port that it has.

A network with a DHCP subnet has one row in network_hosts; whoever inserts that row makes the port, so there is
never a second server. ``sync`` makes row, port and addresses as they should be and may be repeated at will.
"""

from __future__ import annotations

from iaas.db.engine import Tx
from iaas.db.network import addresses as addresses_db
from iaas.db.network import hosts as hosts_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import subnets as subnets_db
from iaas.model.network import LOCAL, Network
from iaas.model.port import ACTIVE, DHCP_OWNER, Port
from iaas.network import doorbells
from iaas.network.settings import Settings


def sync(tx: Tx, settings: Settings, network: Network, near: str | None = None) -> None:
    """``near``: a host that has just got a port of the network. A local network's server must be where its
    guests are; any other network's is where the fewest are, and stays."""
    wanted = [subnet for subnet in subnets_db.of_network(tx, network.id) if subnet.enable_dhcp]
    if not wanted:
        if hosts_db.dhcp_host(tx, network.id, lock=True):
            doorbells.network_changed(tx, settings, network.id)
            remove(tx, network.id)
        return
    host = _host(tx, network, near)
    if host is None:
        return  # no agent anywhere: repair() makes up for it when one appears
    port = ports_db.dhcp_port(tx, network.id)
    if port is None or port.host != host:
        doorbells.ring(tx, settings, [port.host if port else None, *hosts_db.over_tunnels(tx, [network.id])])
    port = port or _make_port(tx, settings, network, host)
    if port.host != host:
        ports_db.update(tx, port.id, {"host": host, "status": ACTIVE})
    served = {fixed.subnet_id for fixed in port.fixed_ips}
    ids = {subnet.id for subnet in wanted}
    addresses_db.give(tx, port.id, [fixed for fixed in port.fixed_ips if fixed.subnet_id not in ids])
    for subnet in wanted:
        if subnet.id not in served:
            addresses_db.take_any(tx, subnet, port.id)  # a full subnet is served without an address in it
    doorbells.ring(tx, settings, [host])


def remove(tx: Tx, network_id: str) -> None:
    port = ports_db.dhcp_port(tx, network_id)
    if port:
        ports_db.delete(tx, [port.id])
    hosts_db.unplace(tx, network_id)


def repair(tx: Tx, settings: Settings, limit: int = 100) -> list[str]:
    """Gives networks whose agent died, or never was, to an agent that is well; the networks that moved (F-72).
    The server keeps its port and so its address."""
    moved = []
    for network_id, host in hosts_db.deserted(tx, limit):
        new = hosts_db.least_loaded(tx)
        if new is None or new == host:
            continue
        if hosts_db.move(tx, network_id, host, new):
            moved.append(network_id)
    moved += hosts_db.without_dhcp(tx, limit) if hosts_db.least_loaded(tx) else []
    networks = networks_db.by_ids(tx, moved)
    for network in networks.values():
        sync(tx, settings, network)
    return sorted(networks)


def _host(tx: Tx, network: Network, near: str | None) -> str | None:
    placed = hosts_db.dhcp_host(tx, network.id, lock=True)
    local = network.kind == LOCAL and near is not None
    if placed is None:
        chosen = near if local else hosts_db.least_loaded(tx)
        if chosen is None or hosts_db.place(tx, network.id, chosen):
            return chosen
        placed = hosts_db.dhcp_host(tx, network.id, lock=True)
    if local and near and placed and placed != near and not hosts_db.guests_on(tx, network.id, placed):
        return near if hosts_db.move(tx, network.id, placed, near) else placed
    return placed


def _make_port(tx: Tx, settings: Settings, network: Network, host: str) -> Port:
    values = {
        "project_id": network.project_id,
        "network_id": network.id,
        "admin_state_up": True,
        "status": ACTIVE,
        "device_id": f"dhcp-{network.id}",
        "device_owner": DHCP_OWNER,
        "host": host,
        "port_security": False,
    }
    return ports_db.get(tx, ports_db.insert(tx, values, None, settings.mac_prefix))
