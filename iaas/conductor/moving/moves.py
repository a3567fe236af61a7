"""What the flows of servers that move have in common: choosing a host, wiring, the guest as it is to be, the claims."""

from __future__ import annotations

from dataclasses import dataclass, replace

from iaas import failpoints
from iaas.conductor.flow import Done, Result, Run, Wait
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.conductor.placement import Placement
from iaas.db import services
from iaas.db.compute import nodes, servers
from iaas.db.engine import Database, Tx
from iaas.errors import Internal
from iaas.model.flavor import Flavor
from iaas.model.order import GuestSpec, Peer
from iaas.model.placement import Placed
from iaas.model.server import Server
from iaas.network.facade import NetworkFacade
from iaas.rpc.network import NetworkAgentRpc
from iaas.volume.facade import VolumeFacade

COMPUTE = "iaas-compute"
WIRED_S = 2.0  # longest sleep until the agent's report is looked for again


@dataclass(frozen=True, kw_only=True)
class Moves:
    database: Database
    placement: Placement
    network: NetworkFacade
    volume: VolumeFacade
    agents: NetworkAgentRpc
    guests: Guests
    hosts: Hosts

    def server(self, run: Run) -> Server:
        with self.database.read() as tx:
            return servers.get(tx, run.resource_id)

    def place(self, run: Run, server: Server, flavor: Flavor, exclude: tuple[str, ...]) -> Placed:
        """A host for the server with that flavor, and its claim there beside those that it has. Raises NoValidHost."""
        tried = tuple(run.operation.params.get("exclude", ()))
        placed = self.placement.select(run.operation, server, flavor, exclude=(*exclude, *tried))
        failpoints.hit("conductor.move.after_select")
        return placed

    def wire(self, run: Run, host: str) -> Result:
        """Moves the ports to the host and sleeps until its agent says that rules, bridges and DHCP are in force."""

        def write(tx: Tx) -> bool:
            self.network.bind(tx, run.resource_id, host)
            return self.network.wired(tx, run.resource_id)

        return Done() if run.write(write) else self.await_wiring(host)

    def await_wiring(self, host: str) -> Wait:
        if not self.hosts.is_up("iaas-network", host):
            raise Internal("The host's network agent is down.")
        self.agents.look(host)
        return Wait(WIRED_S)

    def guest(self, server: Server, flavor: Flavor | None = None, host: str | None = None) -> GuestSpec:
        """The server as ``host`` (else its own) has to define it, with this flavor: of disks that are there, not of an
        image."""
        with self.database.read() as tx:
            nics = self.network.nics(tx, server.id)
        there = replace(server, flavor=flavor or server.flavor, host=host or server.host, image_id=None)
        return self.guests.spec(there, nics)

    def peer(self, host: str, directory: str = "") -> Peer:
        """Raises Internal for a host that never said where it is."""
        with self.database.read() as tx:
            service = services.find(tx, COMPUTE, host)
        if service is None or not service.address:
            raise Internal(f"The address of host {host} is not known.")
        return Peer(host=host, address=service.address, directory=directory)

    def must_be_up(self, host: str) -> None:
        """Raises Internal when the host is down: for steps that may be given up as long as nothing has moved."""
        if not self.hosts.is_up(COMPUTE, host):
            raise Internal("The host went away.")

    def lost(self, host: str) -> bool:
        """Whether the operator has said that nothing runs on the host any more (forced down). Silence alone is no
        proof: a guest there may still write to its volumes and answer to its addresses."""
        with self.database.read() as tx:
            service = services.find(tx, COMPUTE, host)
        return service is None or service.forced_down


def stay(tx: Tx, server_id: str) -> None:
    """After a move that came to nothing: the claims are those of the server where it is."""
    server = servers.get(tx, server_id)
    nodes.settle(tx, server.id, server.host, server.claims())
