"""What others may ask of the compute service in their own process: what a guest may know of itself."""

from __future__ import annotations

from dataclasses import dataclass

from iaas.db.compute import aggregates, servers
from iaas.db.engine import Database, Tx
from iaas.errors import NotFound
from iaas.model.order import Interface, InterfaceAddress, Particulars
from iaas.model.server import Server
from iaas.model.subnet import Subnet
from iaas.network.facade import NetworkFacade


@dataclass(frozen=True, kw_only=True)
class ComputeFacade:
    """``default_zone``: of hosts that no aggregate puts into a zone; ``domain``: the DNS domain of guests."""

    database: Database
    network: NetworkFacade
    default_zone: str = "nova"
    domain: str = ""

    def guest_at(self, network_id: str, ip: str) -> Particulars:
        """Of the server that has the address on that network (S-085). Raises NotFound."""
        with self.database.read() as tx:
            server_id = self.network.server_by_address(tx, network_id, ip)
            if server_id is None:
                raise NotFound("No server has this address.")
            return self.particulars(tx, servers.get(tx, server_id))

    def particulars(self, tx: Tx, server: Server) -> Particulars:
        return Particulars(
            server_id=server.id,
            project_id=server.project_id,
            name=server.name,
            hostname=f"{server.hostname}.{self.domain}" if self.domain else server.hostname,
            zone=self._zone(tx, server),
            flavor=server.flavor.name,
            image_id=server.image_id,
            reservation_id=server.reservation_id,
            launch_index=server.launch_index,
            metadata=server.metadata,
            key_name=server.key_name,
            key_data=server.key_data,
            user_data=server.user_data,
            addresses=tuple(self.network.addresses(tx, [server.id]).get(server.id, ())),
            groups=tuple(self.network.group_names(tx, [server.id]).get(server.id, ())),
            interfaces=self._interfaces(tx, server.id),
        )

    def _interfaces(self, tx: Tx, server_id: str) -> tuple[Interface, ...]:
        nics = {nic.port_id: nic for nic in self.network.nics(tx, server_id)}
        ports = self.network.interfaces(tx, server_id)
        subnets = self.network.subnets(tx, {port.network_id for port in ports})
        return tuple(
            Interface(
                port_id=port.id, tap=nics[port.id].tap, mac=port.mac, mtu=nics[port.id].mtu,
                network_id=port.network_id,
                addresses=tuple(_address(fixed.ip, subnets[fixed.subnet_id]) for fixed in port.fixed_ips),
            )
            for port in ports
        )  # fmt: skip

    def _zone(self, tx: Tx, server: Server) -> str:
        if server.host is None:
            return server.availability_zone or ""
        return aggregates.zones(tx).get(server.host, self.default_zone)


def _address(ip: str, subnet: Subnet) -> InterfaceAddress:
    """IPv6 addresses are given by nobody here: a guest gets them from a router of its network, or sets them itself."""
    served = "dhcp" if subnet.enable_dhcp else ""
    return InterfaceAddress(
        ip=ip, cidr=subnet.cidr, mode=served if subnet.ip_version == 4 else subnet.ipv6_address_mode or "",
        gateway=subnet.gateway_ip, routes=subnet.host_routes, dns=subnet.dns_nameservers,
    )  # fmt: skip
