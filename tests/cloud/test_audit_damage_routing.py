"""F-94 for segments, routers and floating IPs: each kind of damage is planted, reported exactly, and healed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.db.schema.network import auto_topologies, floating_ips, ip_allocations, networks, ports, routers
from iaas.db.schema.operations import quota_usage
from iaas.model.wiring import tunnel_name, vlan_name
from iaas.network.agent.steps import Vlan
from tests.cloud.busy import Busy, Found
from tests.cloud.harness import PROJECT
from tests.cloud.servers import boot
from tests.cloud.sites import Site

STRANGER = "00000000-0000-4000-8000-00000000dead"


class Routed(Busy):
    """The busy cloud with a router, and a server that has a floating IP."""

    def __init__(self, root: Path, database: Database, clock: ManualClock) -> None:
        super().__init__(root, database, clock)
        self.site = Site(self.cloud)
        self.server_id = boot(self.cloud, self.site.private)
        image_id = self.server(self.server_id).image_id or ""
        self.filled(image_id, f"{image_id}.0")
        self.floating_id = self.site.floating(self.server_id)
        for _ in range(5):
            self.cloud.tick()
        self.floating = self.site.get(self.floating_id)
        self.router = self.site.router
        self.here = self.cloud.hosts[self.router.host or ""]
        self.there = next(host for host in self.cloud.hosts.values() if host is not self.here)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Routed]:
    root, clock = tmp_path_factory.mktemp("routed"), ManualClock()
    (root / "iaas.sqlite").write_bytes(database_template.read_bytes())
    database = Database(f"sqlite:///{root}/iaas.sqlite", clock=clock)
    yield Routed(root, database, clock)
    database.close()


Damage = tuple[AbstractContextManager[Any], Found]
DAMAGES: dict[str, Callable[[Routed], Damage]] = {}


def damage(make: Callable[[Routed], Damage]) -> Callable[[Routed], Damage]:
    DAMAGES[make.__name__] = make
    return make


@contextmanager
def changed(busy: Routed, table: Any, id: str, **values: Any) -> Iterator[None]:
    """Another value in a row, under the foreign keys' noses where need be."""
    before = busy.one(table, table.c.id == id)

    def write(wanted: dict[str, Any]) -> None:
        with busy.cloud.database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.execute(table.update().where(table.c.id == id).values(**wanted))
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
            connection.exec_driver_sql("BEGIN")

    write(values)
    yield
    write({name: before._mapping[name] for name in values})


@damage
def router_that_does_not_run(busy: Routed) -> Damage:
    return busy.item(busy.here.network._routers, busy.router.id), {
        ("I-16", f"router {busy.router.id}"),
        ("I-04", f"floating IP {busy.floating.ip}"),
    }


@damage
def router_of_nobody(busy: Routed) -> Damage:
    like = replace(busy.here.network._routers[busy.router.id], id=STRANGER, floating=())
    return busy.item(busy.here.network._routers, STRANGER, like), {("I-16", f"router {STRANGER} on {busy.here.name}")}


@damage
def router_that_runs_twice(busy: Routed) -> Damage:
    twin = busy.here.network._routers[busy.router.id]
    where = f"on {busy.there.name}"
    return busy.item(busy.there.network._routers, busy.router.id, twin), {
        ("I-16", f"router {busy.router.id} {where}"),
        ("I-04", f"address {busy.floating.ip} of router {busy.router.id} {where}"),
    }


@damage
def floating_ip_that_is_not_in_force(busy: Routed) -> Damage:
    routers = busy.here.network._routers
    without = replace(routers[busy.router.id], floating=())
    return busy.item(routers, busy.router.id, without), {("I-04", f"floating IP {busy.floating.ip}")}


@damage
def floating_ip_that_was_taken_away_and_still_works(busy: Routed) -> Damage:
    routers = busy.here.network._routers
    kept = replace(routers[busy.router.id], floating=(*routers[busy.router.id].floating, ("203.0.113.99", "10.0.0.9")))
    subject = f"address 203.0.113.99 of router {busy.router.id} on {busy.here.name}"
    return busy.item(routers, busy.router.id, kept), {("I-04", subject)}


@damage
def floating_ip_that_leads_half_way(busy: Routed) -> Damage:
    return changed(busy, floating_ips, busy.floating_id, port_id=None), {("I-05", f"floating IP {busy.floating.ip}")}


@damage
def floating_ip_that_leads_to_an_address_of_nobody(busy: Routed) -> Damage:
    where = floating_ips.c.id == busy.floating_id
    found = {("I-05", f"floating IP {busy.floating.ip}")}
    return busy.row(floating_ips, where, fixed_ip="10.0.0.250"), found


@damage
def floating_ip_through_a_router_without_a_way_out(busy: Routed) -> Damage:
    where = routers.c.id == busy.router.id
    return busy.row(routers, where, gateway_port_id=None), {
        ("I-05", f"port {busy.router.gateway_port_id}"),
        ("I-05", f"floating IP {busy.floating.ip}"),
    }


@damage
def floating_ip_that_lost_its_address(busy: Routed) -> Damage:
    where = ip_allocations.c.port_id == busy.floating.own_port_id
    return busy.without(ip_allocations, where), {("I-05", f"floating IP {busy.floating.ip}")}


@damage
def port_of_a_floating_ip_that_is_gone(busy: Routed) -> Damage:
    like = busy.one(ports, ports.c.id == busy.floating.own_port_id)
    extra = busy.extra(ports, like, id=STRANGER, mac="fa:16:3e:00:de:ad")
    return extra, {("I-05", f"port {STRANGER}")}


@damage
def port_of_a_router_on_another_host(busy: Routed) -> Damage:
    where = ports.c.id == busy.router.gateway_port_id
    return busy.row(ports, where, host=busy.there.name), {("I-05", f"port {busy.router.gateway_port_id}")}


@damage
def port_of_a_router_that_is_gone(busy: Routed) -> Damage:
    like = busy.one(ports, ports.c.id == busy.router.gateway_port_id)
    extra = busy.extra(ports, like, id=STRANGER, mac="fa:16:3e:00:de:ad", router_id=STRANGER)
    return extra, {("I-05", f"port {STRANGER}")}


@damage
def port_that_was_left_half_way_by_a_live_migration(busy: Routed) -> Damage:
    port = busy.one(ports, ports.c.server_id == busy.server_id)
    next_host = next(name for name in busy.cloud.hosts if name != port.host)
    return busy.row(ports, ports.c.id == port.id, next_host=next_host), {("I-04", f"port {port.id}")}


@damage
def network_with_the_segment_of_another(busy: Routed) -> Damage:
    where = networks.c.id == busy.site.private
    return busy.row(networks, where, segment="vxlan/16000000"), {("I-05", f"network {busy.site.private}")}


@damage
def tunnel_without_a_network(busy: Routed) -> Damage:
    like = replace(busy.here.network._networks[busy.site.private], namespace=None, dhcp=None, leases=set())
    found = {("I-16", f"tunnel {tunnel_name(STRANGER)} on {busy.there.name}")}
    return busy.item(busy.there.network._networks, STRANGER, like), found


@damage
def vlan_without_a_network(busy: Routed) -> Damage:
    """Its tag would carry the frames of whoever gets the number next."""
    vlan = Vlan(network_id=STRANGER, bridge="b", trunk="br-ex", vid=100, mtu=1500)
    like = replace(busy.here.network._networks[busy.site.private], namespace=None, dhcp=None, leases=set(), tunnel=None)
    found = {("I-16", f"tunnel {vlan_name(STRANGER)} on {busy.there.name}")}
    return busy.item(busy.there.network._networks, STRANGER, replace(like, vlan=vlan)), found


@damage
def automatic_network_that_was_never_made(busy: Routed) -> Damage:
    extra = busy.extra(auto_topologies, project_id=PROJECT, cidr="10.200.0.0/24")
    return extra, {("I-05", f"automatic network of {PROJECT}")}


@damage
def automatic_network_of_another_project(busy: Routed) -> Damage:
    extra = busy.extra(auto_topologies, project_id="c" * 32, cidr="10.200.0.0/24", network_id=busy.site.private)
    return extra, {("I-05", f"automatic network of {'c' * 32}")}


def miscounted(resource: str) -> Callable[[Routed], Damage]:
    def make(busy: Routed) -> Damage:
        where = (quota_usage.c.project_id == PROJECT) & (quota_usage.c.resource == resource)
        return busy.row(quota_usage, where, used=7), {("I-08", f"quota {resource} of {PROJECT}")}

    return make


DAMAGES["routers_miscounted"] = miscounted("routers")
DAMAGES["floating_ips_miscounted"] = miscounted("floatingips")


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_audit_reports_exactly(busy: Routed, kind: str) -> None:
    assert busy.audit() == set()
    how, expected = DAMAGES[kind](busy)
    with how:
        assert busy.audit() == expected
    assert busy.audit() == set()
