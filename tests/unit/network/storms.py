"""Crowds of creations and changes of the network's nouns: for SQLite here, for PostgreSQL in the integration tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import count
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import routers as routers_db
from iaas.db.network import usage as usage_db
from iaas.db.quotas import usage
from iaas.errors import Error
from iaas.model.network import Network
from iaas.model.routing.floating_ip import FloatingIpWish
from iaas.model.routing.router import GatewayWish
from iaas.network import auto_topologies, networks, ports, subnets
from iaas.network import security_groups as groups
from iaas.network.routing import floating_ips, interfaces, routers
from tests.unit.network.fleet import ADMIN, ALICE, Fleet

LIMIT, CROWD = 10, 50
SMALL_POOLS = ((4, "10.1.0.0/24"), (12, "10.1.0.0/26"))  # VLANs, and four or sixteen subnets: 4 networks at most
RESOURCES = ("networks", "subnets", "ports", "security_groups", "routers", "floatingips")


def at_once(database: Database, functions: Sequence[Callable[[Tx], Any]]) -> tuple[list[Any], list[Error]]:
    """Runs each in a transaction of its own, all at the same time: results and errors."""

    def one(function: Callable[[Tx], Any]) -> Any:
        try:
            return database.run(function)
        except Error as error:
            return error

    with ThreadPoolExecutor(max_workers=12) as pool:
        found = list(pool.map(one, functions))
    errors = [item for item in found if isinstance(item, Error)]
    return [item for item in found if not isinstance(item, Error)], errors


def creations(database: Database, resource: str) -> tuple[int, list[Error], int, int]:
    """Fifty creations against a quota of ten: how many were made, the errors, what the counter says, what there is."""
    fleet = Fleet(database, "h1", **{resource: LIMIT})
    net = fleet.network(ADMIN, cidr="10.0.0.0/16", external=True, shared=True)
    numbers = count()
    settings = fleet.settings
    makers: dict[str, Callable[[Tx], Any]] = {
        "networks": lambda tx: networks.create(tx, settings, "p-alice", {"name": "n"}),
        "subnets": lambda tx: subnets.create(
            tx, settings, "p-alice", net, {"cidr": f"10.{1 + next(numbers)}.0.0/24", "ip_version": 4}
        ),
        "ports": lambda tx: ports.create(tx, settings, ALICE, "p-alice", net, {}),
        "security_groups": lambda tx: groups.create(tx, settings, "p-alice", "g", ""),
        "routers": lambda tx: routers.create(tx, settings, ALICE, "p-alice", {}),
        "floatingips": lambda tx: floating_ips.create(tx, settings, ALICE, "p-alice", net, {}),
    }
    made, errors = at_once(database, [makers[resource]] * CROWD)
    with database.read() as tx:
        said, there = usage(tx, "p-alice").get(resource, 0), usage_db.counted(tx).get(("p-alice", resource), 0)
    return len(made), errors, said, there


def small_pools(database: Database, vlans: int, pool: str, projects: int) -> tuple[list[Network], list[Error]]:
    """Every project's automatic network, each asked for three times at once, from few VLANs and a small pool of
    subnets of /28: those that were made, once each, and the errors."""
    fleet = Fleet(database, "h1")
    fleet.network(ADMIN, cidr="203.0.113.0/24", external=True, is_default=True)
    settings = replace(
        fleet.settings, tenant_types=("vlan",), vlan_ranges=(("physnet1", 1, vlans),),
        subnet_pool=IPv4Network(pool), subnet_prefix=28,
    )  # fmt: skip
    contexts = [replace(ALICE, project_id=f"p-{number % projects}") for number in range(3 * projects)]
    made, errors = at_once(
        database, [lambda tx, c=c: auto_topologies.ensure(tx, settings, c, c.owner) for c in contexts]
    )
    with database.read() as tx:
        return list(networks_db.by_ids(tx, made).values()), errors


class Crossing:
    """Floating IPs that are led to a port while the port, the router's interface and gateway go."""

    def __init__(self, database: Database) -> None:
        self.database, self.fleet = database, Fleet(database, "h1")
        self.settings = self.fleet.settings
        outside = self.fleet.network(ADMIN, cidr="203.0.113.0/24", external=True)
        inside = self.fleet.network()
        [self.subnet] = self.fleet.subnets(inside)
        self.port = self.fleet.port(inside)
        wish = {"gateway": GatewayWish(network_id=outside.id)}
        self.router = database.run(lambda tx: routers.create(tx, self.settings, ALICE, "p-alice", wish))
        database.run(lambda tx: interfaces.add_subnet(tx, self.settings, self.router, self.subnet))
        self.floating = [
            database.run(lambda tx: floating_ips.create(tx, self.settings, ALICE, "p-alice", outside, {}))
            for _ in range(8)
        ]

    def lead(self, floating: Any) -> Callable[[Tx], Any]:
        wish = FloatingIpWish(port_id=self.port.id)
        return lambda tx: floating_ips.associate(tx, self.settings, ALICE, floating_db.get(tx, floating.id), wish)

    def leading(self) -> list[Any]:
        with self.database.read() as tx:
            found = [floating_db.get(tx, item.id) for item in self.floating]
        return [item for item in found if item.port_id is not None]

    def everybody_at_once(self) -> tuple[list[Any], list[Error]]:
        return at_once(self.database, [self.lead(item) for item in self.floating])

    def while_the_port_goes(self) -> list[Error]:
        def delete(tx: Tx) -> None:
            ports.delete(tx, self.settings, [self.port])

        leads = [self.lead(item) for item in self.floating]
        return at_once(self.database, [*leads[:4], delete, *leads[4:]])[1]

    def while_the_interface_goes(self) -> list[Error]:
        def remove(tx: Tx) -> None:
            interfaces.remove(tx, self.settings, self.router, subnet_id=self.subnet.id)

        leads = [self.lead(item) for item in self.floating]
        return at_once(self.database, [*leads[:4], remove, *leads[4:]])[1]

    def joined(self) -> bool:
        with self.database.read() as tx:
            return self.subnet.id in {subnet.id for _, subnet in routers_db.subnets_of(tx, self.router.id)}
