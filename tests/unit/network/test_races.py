"""Many at once: addresses, MACs, quotas, default groups and deletes (F-79, F-80, F-84, S-107)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from iaas.db.engine import Database, Tx
from iaas.db.network import addresses, security_groups
from iaas.db.network import networks as networks_db
from iaas.db.quotas import usage
from iaas.errors import Conflict, NotFound, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.network import NetworkRequest
from iaas.network import networks, ports
from iaas.network import security_groups as groups
from tests.unit.network.fleet import ALICE, Fleet
from tests.unit.network.storms import CROWD, LIMIT, RESOURCES, SMALL_POOLS, Crossing, at_once, creations, small_pools


def test_exactly_as_many_ports_as_addresses_and_no_address_twice_f79(database: Database) -> None:
    fleet = Fleet(database)
    net = fleet.network(cidr=None)
    fleet.subnet(net, cidr="10.0.0.0/28", enable_dhcp=False)
    made, errors = at_once(
        database, [lambda tx: ports.create(tx, fleet.settings, ALICE, "p-alice", net, {}) for _ in range(20)]
    )
    assert len(made) == 13
    assert {type(error) for error in errors} == {Conflict}
    assert {error.details["code"] for error in errors} == {"IpAddressGenerationFailure"}
    assert max(Counter(port.fixed_ips[0].ip for port in made).values()) == 1
    assert max(Counter(port.mac for port in made).values()) == 1
    with database.read() as tx:
        assert usage(tx, "p-alice")["ports"] == 13


def test_one_of_many_gets_the_last_of_the_quota_f80_s107(database: Database) -> None:
    fleet = Fleet(database, ports=3)
    net = fleet.network()
    fleet.port(net)
    fleet.port(net)
    made, errors = at_once(
        database, [lambda tx: ports.create(tx, fleet.settings, ALICE, "p-alice", net, {}) for _ in range(12)]
    )
    assert len(made) == 1
    assert {type(error) for error in errors} == {QuotaExceeded}


def test_a_port_goes_to_one_of_many_servers(database: Database) -> None:
    fleet = Fleet(database)
    port = fleet.port(fleet.network())
    wanted = (NetworkRequest(port_id=port.id),)
    made, errors = at_once(
        database, [lambda tx: fleet.facade.allocate(tx, ALICE, new_uuid(), wanted) for _ in range(8)]
    )
    assert len(made) == 1
    assert all(isinstance(error, Conflict) for error in errors)


def test_a_project_has_one_default_group_whoever_comes_first(database: Database) -> None:
    made, errors = at_once(database, [lambda tx: groups.ensure_default(tx, "p-alice") for _ in range(8)])
    assert errors == []
    assert len(set(made)) == 1
    with database.read() as tx:
        group = security_groups.get(tx, made[0])
        assert len(group.rules) == 4
        assert usage(tx, "p-alice") == {"security_groups": 1, "security_group_rules": 4}


def test_a_network_that_goes_while_ports_come_leaves_no_dangling_port_f84(database: Database) -> None:
    fleet = Fleet(database, "h1")
    for _ in range(5):
        net = fleet.network()
        crowd: list[Callable[[Tx], Any]] = [
            lambda tx, net=net: ports.create(
                tx, fleet.settings, ALICE, "p-alice", networks_db.get(tx, net.id, ALICE), {}
            )
            for _ in range(4)
        ]
        crowd.insert(2, lambda tx, net=net: networks.delete(tx, fleet.settings, networks_db.get(tx, net.id)))
        _, errors = at_once(database, crowd)
        assert all(error.kind in ("not_found", "conflict") for error in errors)
        with database.read() as tx:
            alive = networks_db.by_ids(tx, [net.id])
        assert bool(alive) == bool([port for port in fleet.ports() if port.network_id == net.id])


def test_an_address_of_a_huge_subnet_costs_no_more_than_of_a_small_one(database: Database) -> None:
    from sqlalchemy import event

    fleet = Fleet(database)
    costs = []
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for cidr in ("10.0.0.0/24", "11.0.0.0/8", "2001:db8::/32"):
        net = fleet.network(cidr=None)
        subnet = fleet.subnet(net, cidr=cidr, enable_dhcp=False)
        port = fleet.port(net, fixed_ips=())
        statements.clear()
        assert database.run(lambda tx, s=subnet, p=port: addresses.take_any(tx, s, p.id))
        costs.append(len(statements))
    assert max(costs) <= min(costs) + 2


def test_the_gap_in_a_full_subnet_is_found(database: Database) -> None:
    fleet = Fleet(database)
    net = fleet.network(cidr=None)
    fleet.subnet(net, cidr="10.0.0.0/26", enable_dhcp=False)
    made = [fleet.port(net) for _ in range(61)]
    hole = made[40]
    database.run(lambda tx: ports.delete(tx, fleet.settings, [hole]))
    assert fleet.port(net).fixed_ips == hole.fixed_ips


@pytest.mark.parametrize("resource", RESOURCES)
def test_fifty_against_a_quota_of_ten_give_exactly_ten_and_the_refusal_says_why(
    database: Database, resource: str
) -> None:
    made, errors, said, there = creations(database, resource)
    assert (said, there) == (LIMIT, LIMIT)
    assert {type(error) for error in errors} == {QuotaExceeded}
    assert made + len(errors) == CROWD
    for error in errors:
        assert {name: error.details[name] for name in ("resource", "limit", "requested")} == {
            "resource": resource, "limit": LIMIT, "requested": 1,
        }  # fmt: skip
        assert error.details["used"] == LIMIT


@pytest.mark.parametrize(("vlans", "pool"), SMALL_POOLS)
def test_as_many_projects_get_a_network_by_themselves_as_there_are_vlans_and_subnets(
    database: Database, vlans: int, pool: str
) -> None:
    """A-092, F-79: exactly the smaller of the two, and one for each project that asks three times."""
    made, errors = small_pools(database, vlans, pool, projects=6)
    assert len({net.project_id for net in made}) == len({net.segmentation_id for net in made}) == len(made) == 4
    assert len(errors) == 2 * 3
    assert {type(error) for error in errors} == {Conflict}
    with database.read() as tx:
        assert usage(tx, made[0].project_id) == {"networks": 1, "subnets": 1, "routers": 1, "ports": 1}
        refused = {f"p-{number}" for number in range(6)} - {net.project_id for net in made}
        assert [usage(tx, project) for project in sorted(refused)] == [{}, {}]


def test_one_of_many_floating_ips_gets_the_port(database: Database) -> None:
    crossing = Crossing(database)
    _, errors = crossing.everybody_at_once()
    assert len(crossing.leading()) == 1
    assert {type(error) for error in errors} == {Conflict}
    assert len(errors) == len(crossing.floating) - 1


def test_no_floating_ip_leads_to_a_port_that_went_meanwhile(database: Database) -> None:
    crossing = Crossing(database)
    errors = crossing.while_the_port_goes()
    assert crossing.leading() == []
    assert {type(error) for error in errors} <= {Conflict, NotFound}


def test_no_floating_ip_leads_through_an_interface_that_went_meanwhile(database: Database) -> None:
    crossing = Crossing(database)
    errors = crossing.while_the_interface_goes()
    assert len(crossing.leading()) == (1 if crossing.joined() else 0)
    assert {type(error) for error in errors} <= {Conflict, NotFound}
