"""What compute, conductor and the compute API may ask of the network service.

Every method runs inside the caller's transaction; the doorbells that it causes ring after the caller's commit.
The steps of a server's life (allocate, bind, unbind, release) may be repeated: each looks first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import hosts as hosts_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import security_groups as groups_db
from iaas.db.network import servers as servers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Invalid
from iaas.model.network import FLAT, Address, Network, NetworkRequest
from iaas.model.order import Nic
from iaas.model.port import COMPUTE_OWNER, DOWN, FixedIpWish, Port
from iaas.model.security_group import SecurityGroup
from iaas.model.subnet import Subnet
from iaas.model.wiring import bridge_name, tap_name
from iaas.network import auto_topologies, dhcp, doorbells, memberships, ports, quotas, requests, security_groups
from iaas.network.routing import automatic
from iaas.network.settings import Settings


class NetworkFacade:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def default_networks(self, tx: Tx, context: Context) -> tuple[Network, ...]:
        """The networks that a server may be plugged into without naming one: own and shared, oldest first."""
        return networks_db.usable_by(tx, context)

    def automatic_network(self, tx: Tx, context: Context) -> Network:
        """The network that the caller's project gets by itself, made with subnet and router if it has none yet. Raises
        Conflict when the platform is not made for it or has none left, QuotaExceeded."""
        return networks_db.get(tx, auto_topologies.ensure(tx, self.settings, context, context.owner))

    def validate_requests(
        self, tx: Tx, context: Context, wanted: Sequence[NetworkRequest], group_names: Sequence[str] = ()
    ) -> int:
        """Checks what allocate would, and changes nothing; the number of ports that allocate would make.

        Raises Invalid (unknown network, port, address or group), Forbidden, Conflict (a port in use) or
        QuotaExceeded.
        """
        checked = requests.check(tx, context, wanted)
        security_groups.check_names(tx, context.owner, group_names)
        new = sum(1 for item in checked if item.port is None)
        quotas.check_room(tx, self.settings, context.owner, {"port": new})
        return new

    def allocate(
        self,
        tx: Tx,
        context: Context,
        server_id: str,
        wanted: Sequence[NetworkRequest],
        group_names: Sequence[str] = (),
    ) -> tuple[Port, ...]:
        """The server's ports, in the order of the requests: made, or taken when a request names one.

        ``group_names``: names or ids, for the ports that are made; none means the project's default group.
        Raises what validate_requests does, and QuotaExceeded. A server that has ports gets the same again.
        """
        present = ports_db.of_server(tx, server_id)
        if present or not wanted:
            return tuple(present)
        groups = security_groups.by_names(tx, context.owner, group_names)
        for position, item in enumerate(requests.check(tx, context, wanted)):
            mark = {"server_id": server_id, "position": position}
            if item.port is not None:
                taken = {**mark, "made_for_server": False, "device_id": server_id, "device_owner": COMPUTE_OWNER}
                if not ports_db.update(tx, item.port.id, taken, where=ports_db.free(item.port.id)):
                    raise requests.port_in_use(item.port.id)
                continue
            values: dict[str, object] = {**mark, "made_for_server": True, "device_id": server_id}
            values |= {"device_owner": COMPUTE_OWNER}
            if item.network.port_security:
                values["groups"] = groups
            if item.fixed_ip:
                values["fixed_ips"] = (FixedIpWish(ip=item.fixed_ip),)
            ports.create(tx, self.settings, context, context.owner, item.network, values)
        return tuple(ports_db.of_server(tx, server_id))

    def give_floating(self, tx: Tx, context: Context, server_id: str) -> None:
        """A floating IP of its own for a server that can have one, until ``release``. Raises QuotaExceeded."""
        automatic.give(tx, self.settings, context, server_id, ports_db.of_server(tx, server_id))

    def addresses_of_servers(self, tx: Tx, project_id: str) -> int:
        """How many fixed addresses the servers of the project have."""
        return servers_db.count_addresses(tx, project_id)

    def bind(self, tx: Tx, server_id: str, host: str) -> tuple[Nic, ...]:
        """Moves the server's ports to the host, where they are DOWN until the agent reports them wired, and sees
        that their networks have a DHCP server. Ports that are there already stay as they are."""
        found = ports_db.of_server(tx, server_id)
        networks = networks_db.by_ids(tx, {port.network_id for port in found})
        moved = [port for port in found if port.host != host]
        known = hosts_db.reached(tx, host, {port.network_id for port in moved})
        for port in moved:
            ports_db.update(tx, port.id, {"host": host, "next_host": None, "status": DOWN})
        for network_id in sorted({port.network_id for port in moved}):
            dhcp.sync(tx, self.settings, networks[network_id], near=host)
        if moved:
            doorbells.ring(tx, self.settings, [host])
            news = {port.network_id for port in moved if port.host or port.network_id not in known}
            doorbells.places_changed(tx, self.settings, moved, news)
        return tuple(self._nic(port, networks[port.network_id]) for port in found)

    def bind_also(self, tx: Tx, server_id: str, host: str) -> tuple[Nic, ...]:
        """For a live migration: has the server's ports wired on a second host, while they stay ACTIVE where they are.
        Gives the interfaces as they are there. Then ``wired_also``, and ``activate`` or ``unbind_also``."""
        found = ports_db.of_server(tx, server_id)
        fresh = [port for port in found if port.host != host and port.next_host != host]
        for port in fresh:
            ports_db.update(tx, port.id, {"next_host": host, "next_wired_revision": -1})
        if fresh:
            doorbells.ring(tx, self.settings, [host])
            doorbells.places_changed(tx, self.settings, fresh, {port.network_id for port in fresh})
        networks = networks_db.by_ids(tx, {port.network_id for port in found})
        return tuple(self._nic(port, networks[port.network_id]) for port in found)

    def wired_also(self, tx: Tx, server_id: str, host: str) -> bool:
        """Whether rules, bridges and tunnels of every port that is up are in force on the second host."""
        return servers_db.wired_also(tx, server_id, host)

    def activate(self, tx: Tx, server_id: str, host: str) -> None:
        """The guest runs on the second host now: its ports are there, and no longer on the first. They stay ACTIVE,
        being wired. A port that is there already stays as it is."""
        moved = [port for port in ports_db.of_server(tx, server_id) if port.host != host]
        for port in moved:
            ports_db.move(tx, port.id, host)
        networks = networks_db.by_ids(tx, {port.network_id for port in moved})
        for network in networks.values():
            dhcp.sync(tx, self.settings, network, near=host)
        if moved:
            doorbells.ring(tx, self.settings, [host])
            doorbells.places_changed(tx, self.settings, moved, networks)

    def unbind_also(self, tx: Tx, server_id: str) -> None:
        """The live migration does not come to pass: the ports are on no second host."""
        also = [port for port in ports_db.of_server(tx, server_id) if port.next_host is not None]
        for port in also:
            ports_db.update(tx, port.id, {"next_host": None, "next_wired_revision": -1})
        doorbells.places_changed(tx, self.settings, also, {port.network_id for port in also})

    def nics(self, tx: Tx, server_id: str) -> tuple[Nic, ...]:
        """The interfaces as bind gives them, without a change."""
        found = ports_db.of_server(tx, server_id)
        networks = networks_db.by_ids(tx, {port.network_id for port in found})
        return tuple(self._nic(port, networks[port.network_id]) for port in found)

    def wired(self, tx: Tx, server_id: str) -> bool:
        """Whether every port of the server is ACTIVE (C-24)."""
        return servers_db.wired(tx, server_id)

    def unbind(self, tx: Tx, server_id: str) -> None:
        """The server's ports stay its own, but on no host."""
        bound = [port for port in ports_db.of_server(tx, server_id) if port.host is not None]
        for port in bound:
            ports_db.update(tx, port.id, {"host": None, "next_host": None, "status": DOWN})
        doorbells.places_changed(tx, self.settings, bound, {port.network_id for port in bound})

    def release(self, tx: Tx, server_id: str) -> None:
        """Deletes the ports that allocate made, and sets those free that it took."""
        found = ports_db.of_server(tx, server_id)
        automatic.take_back(tx, self.settings, server_id, found)
        free = {"server_id": None, "device_id": "", "device_owner": "", "host": None, "status": DOWN, "position": 0}
        free["next_host"] = None
        for port in found:
            if not port.made_for_server:
                ports_db.update(tx, port.id, free)
        doorbells.ports_changed(tx, self.settings, [port for port in found if not port.made_for_server])
        ports.delete(tx, self.settings, [port for port in found if port.made_for_server])

    def addresses(self, tx: Tx, server_ids: Sequence[str]) -> Mapping[str, tuple[Address, ...]]:
        """One query, however many servers; a server without an address is absent."""
        return servers_db.addresses(tx, server_ids)

    def group_names(self, tx: Tx, server_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The names of the servers' security groups, each once and sorted. One query."""
        return servers_db.group_names(tx, server_ids)

    def server_by_address(self, tx: Tx, network_id: str, ip: str) -> str | None:
        """Whose metadata a guest at that address of that network may read (S-085)."""
        return servers_db.by_address(tx, network_id, ip)

    def interfaces(self, tx: Tx, server_id: str) -> tuple[Port, ...]:
        """The server's ports, in the order of its interfaces."""
        return tuple(ports_db.of_server(tx, server_id))

    def subnets(self, tx: Tx, network_ids: Iterable[str]) -> Mapping[str, Subnet]:
        """The subnets of the networks by their ids. One query."""
        return {subnet.id: subnet for subnet in subnets_db.of_networks(tx, network_ids)}

    def security_groups(self, tx: Tx, server_id: str) -> tuple[SecurityGroup, ...]:
        """The groups of the server's ports with their rules, by name."""
        return tuple(groups_db.by_ids(tx, servers_db.group_ids(tx, server_id)))

    def groups_by_id(self, tx: Tx, ids: Sequence[str]) -> Mapping[str, SecurityGroup]:
        """Ids of which there is no group are absent."""
        return {group.id: group for group in groups_db.by_ids(tx, ids)}

    def add_group(self, tx: Tx, project_id: str, server_id: str, name: str) -> None:
        """All ports of the server join a group of the project, by name or id. Raises NotFound, Conflict (ambiguous),
        Invalid when no port can join one."""
        memberships.join(tx, self.settings, project_id, server_id, name)

    def remove_group(self, tx: Tx, project_id: str, server_id: str, name: str) -> None:
        """All ports of the server leave the group. Raises NotFound, also when none is in it; Conflict."""
        memberships.leave(tx, self.settings, project_id, server_id, name)

    def servers_with_address(self, tx: Tx, project_id: str | None, start: str) -> tuple[str, ...]:
        """Servers (of a project, or all) with an address that begins so; at most 1,000 (S-088)."""
        return servers_db.with_address(tx, project_id, start)

    def _nic(self, port: Port, network: Network) -> Nic:
        bridge = bridge_name(network.id)
        if network.kind == FLAT:
            physical = network.physical_network or ""
            if physical not in self.settings.physical:
                raise Invalid(f"Physical network {physical} is not configured.")
            bridge = self.settings.physical[physical]
        return Nic(port_id=port.id, mac=port.mac, tap=tap_name(port.id), bridge=bridge, mtu=network.mtu)
