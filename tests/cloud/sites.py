"""Private networks with a way out, in the in-process cloud: what a user makes before a server has a floating IP."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iaas.context import Context
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.db.network.listing import Query
from iaas.model.routing.floating_ip import FloatingIp, FloatingIpWish
from iaas.model.routing.router import GatewayWish, Router
from iaas.network import networks, subnets
from iaas.network.routing import floating_ips, interfaces, routers
from tests.cloud.harness import Cloud


def network(cloud: Cloud, cidr: str = "10.0.0.0/24", context: Context | None = None, **values: Any) -> str:
    """A network with a subnet; external ones are flat on physnet1, without DHCP."""
    owner = (context or cloud.context).owner
    if values.get("external"):
        values = {"kind": "flat", "physical_network": "physnet1", **values}

    def write(tx: Any) -> str:
        made = networks.create(tx, cloud.settings, owner, {"name": "net", **values})
        subnet = {"cidr": cidr, "ip_version": 4, "enable_dhcp": not values.get("external")}
        subnets.create(tx, cloud.settings, owner, made, subnet)
        return made.id

    return str(cloud.database.run(write))


class Site:
    """An external network, a private one, a router between them, and floating IPs."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.public = network(cloud, "203.0.113.0/24", external=True)
        self.private = network(cloud)

        def write(tx: Any) -> str:
            wish = {"name": "r1", "gateway": GatewayWish(network_id=self.public)}
            made = routers.create(tx, cloud.settings, cloud.context, cloud.context.owner, wish)
            [subnet] = subnets_db.of_network(tx, self.private)
            interfaces.add_subnet(tx, cloud.settings, made, subnet)
            return made.id

        self.router_id: str = cloud.database.run(write)

    @property
    def router(self) -> Router:
        with self.cloud.database.read() as tx:
            return routers_db.get(tx, self.router_id)

    def floating(self, server_id: str | None = None) -> str:
        """Leads to the server's first port."""

        def write(tx: Any) -> str:
            net = networks_db.get(tx, self.public)
            wish = self._to(tx, server_id) if server_id else None
            made = floating_ips.create(
                tx, self.cloud.settings, self.cloud.context, self.cloud.context.owner, net, {}, wish
            )
            return made.id

        return str(self.cloud.database.run(write))

    def get(self, floating_id: str) -> FloatingIp:
        with self.cloud.database.read() as tx:
            return floating_db.get(tx, floating_id)

    def lead(self, floating_id: str, server_id: str | None) -> None:
        def write(tx: Any) -> None:
            wish = self._to(tx, server_id) if server_id else FloatingIpWish(port_id=None)
            settings, context = self.cloud.settings, self.cloud.context
            floating_ips.associate(tx, settings, context, floating_db.get(tx, floating_id), wish)

        self.cloud.database.run(write)

    def in_force(self) -> set[tuple[str, str]]:
        """(host, floating address) over all hosts."""
        hosts = self.cloud.hosts.items()
        return {(name, ip) for name, host in hosts for _, ip in host.network.inventory().floating_ips}

    def remove(self) -> None:
        """Takes everything away, in the order that a user must."""

        def write(tx: Any) -> None:
            settings, context = self.cloud.settings, self.cloud.context
            for floating in floating_db.listed(tx, context, Query())[0]:
                floating_ips.delete(tx, settings, floating)
            [subnet] = subnets_db.of_network(tx, self.private)
            interfaces.remove(tx, settings, routers_db.get(tx, self.router_id), subnet_id=subnet.id)
            routers.delete(tx, settings, context, routers_db.get(tx, self.router_id))
            for network_id in (self.public, self.private):
                networks.delete(tx, settings, networks_db.get(tx, network_id))

        self.cloud.database.run(write)

    def _to(self, tx: Any, server_id: str) -> FloatingIpWish:
        return FloatingIpWish(port_id=ports_db.of_server(tx, server_id)[0].id)


def other_project(cloud: Cloud) -> Context:
    return replace(cloud.context, project_id="c" * 32)
