"""A network service without its API: projects, hosts with agents, and shortcuts for the tests of this folder."""

from __future__ import annotations

from typing import Any

from iaas.context import Context
from iaas.db import services
from iaas.db.engine import Database
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import subnets as subnets_db
from iaas.ids import new_uuid
from iaas.model.network import Network, NetworkRequest
from iaas.model.port import Port
from iaas.model.subnet import Subnet
from iaas.network import networks, ports, subnets
from iaas.network.facade import NetworkFacade
from iaas.network.settings import Settings

ALICE = Context(request_id="", user_id="u-alice", project_id="p-alice", roles=("member",))
BOB = Context(request_id="", user_id="u-bob", project_id="p-bob", roles=("member",))
ADMIN = Context(request_id="", user_id="u-admin", project_id="p-admin", roles=("admin",), is_admin=True)


class Fleet:
    def __init__(self, database: Database, *hosts: str, **limits: int) -> None:
        self.database = database
        self.rung: list[str] = []
        base = Settings(look=self.rung.append, physical={"physnet1": "br-ex"})
        self.settings = Settings(look=self.rung.append, physical=base.physical, limits={**base.limits, **limits})
        self.facade = NetworkFacade(self.settings)
        self.beat(*hosts)

    def beat(self, *hosts: str) -> None:
        for host in hosts:
            self.database.run(lambda tx, host=host: services.touch(tx, "iaas-network", host, "boot", 1, 1))

    def network(self, context: Context = ALICE, cidr: str | None = "10.0.0.0/24", **values: Any) -> Network:
        net = self.database.run(lambda tx: networks.create(tx, self.settings, context.owner, {"name": "n", **values}))
        if cidr:
            self.subnet(net, context, cidr)
        return net

    def subnet(self, net: Network, context: Context = ALICE, cidr: str = "10.0.0.0/24", **values: Any) -> Subnet:
        given = {"cidr": cidr, "ip_version": 6 if ":" in cidr else 4, **values}
        return self.database.run(lambda tx: subnets.create(tx, self.settings, context.owner, net, given))

    def port(self, net: Network, context: Context = ALICE, **values: Any) -> Port:
        return self.database.run(lambda tx: ports.create(tx, self.settings, context, context.owner, net, values))

    def allocate(
        self, *wanted: NetworkRequest | Network, context: Context = ALICE, groups: tuple[str, ...] = ()
    ) -> tuple[str, tuple[Port, ...]]:
        """A new server id and its ports."""
        server = new_uuid()
        asked = tuple(NetworkRequest(network_id=w.id) if isinstance(w, Network) else w for w in wanted)
        return server, self.database.run(lambda tx: self.facade.allocate(tx, context, server, asked, groups))

    def facade_ports(self, server_id: str) -> tuple[Port, ...]:
        with self.database.read() as tx:
            return self.facade.interfaces(tx, server_id)

    def get(self, port_id: str) -> Port:
        with self.database.read() as tx:
            return ports_db.get(tx, port_id)

    def ports(self, context: Context = ADMIN) -> list[Port]:
        from iaas.db.network.listing import Query

        with self.database.read() as tx:
            return ports_db.listed(tx, context, Query())[0]

    def subnets(self, net: Network) -> list[Subnet]:
        with self.database.read() as tx:
            return subnets_db.of_network(tx, net.id)

    def fresh(self, net: Network) -> Network:
        with self.database.read() as tx:
            return networks_db.get(tx, net.id)
