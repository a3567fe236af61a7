"""What others may ask of the compute service in their own process: for the metadata API, who asks from an address."""

from __future__ import annotations

from dataclasses import dataclass

from iaas.compute.service import Compute
from iaas.db.compute import aggregates, servers
from iaas.db.engine import Tx
from iaas.errors import NotFound
from iaas.model.network import Address
from iaas.model.order import Nic
from iaas.model.port import Port
from iaas.model.server import Server


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A server with everything that its guest may know of itself."""

    server: Server
    zone: str
    addresses: tuple[Address, ...]
    groups: tuple[str, ...]
    ports: tuple[Port, ...]
    nics: tuple[Nic, ...]


class ComputeFacade:
    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    def guest_at(self, network_id: str, ip: str) -> Guest:
        """The server that has the address on that network (S-085). Raises NotFound."""
        network = self._compute.network
        with self._compute.database.read() as tx:
            server_id = network.server_by_address(tx, network_id, ip)
            if server_id is None:
                raise NotFound("No server has this address.")
            server = servers.get(tx, server_id)
            return Guest(
                server=server,
                zone=self._zone(tx, server),
                addresses=tuple(network.addresses(tx, [server_id]).get(server_id, ())),
                groups=tuple(network.group_names(tx, [server_id]).get(server_id, ())),
                ports=network.interfaces(tx, server_id),
                nics=network.nics(tx, server_id),
            )

    def _zone(self, tx: Tx, server: Server) -> str:
        if server.host is None:
            return server.availability_zone or ""
        return aggregates.zones(tx).get(server.host, self._compute.default_zone)
