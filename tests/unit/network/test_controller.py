"""The wish for a host: complete, minimal, and read in a constant number of queries."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from iaas.db.engine import Database
from iaas.model.security_group import RuleSpec
from iaas.model.wiring import HostWiring
from iaas.network import ports, security_groups
from iaas.network.controller import Controller
from tests.unit.network.fleet import ALICE, BOB, Fleet


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database, "h1")


def wish(fleet: Fleet, host: str) -> HostWiring:
    return Controller(fleet.database, fleet.settings, lambda tx, servers: None).wiring(host)


def boot(fleet: Fleet, net: object, host: str, **values: object) -> str:
    server, [port] = fleet.allocate(net, **values)  # type: ignore[arg-type]
    fleet.database.run(lambda tx: fleet.facade.bind(tx, server, host))
    return port.id


def test_a_host_gets_its_ports_their_networks_and_groups_and_no_others(fleet: Fleet) -> None:
    net, foreign = fleet.network(), fleet.network(BOB)
    here = boot(fleet, net, "h1")
    boot(fleet, foreign, "h2", context=BOB)
    wanted = wish(fleet, "h1")
    assert [port.id for port in wanted.ports] == [here]
    assert net.id in {network.id for network in wanted.networks}
    [group] = wanted.groups
    assert wanted.ports[0].groups == (group.id,)
    assert group.members == wanted.ports[0].ips  # the default group's members may talk
    assert {(rule.direction, rule.remote_group_id) for rule in group.rules} == {
        ("egress", None), ("ingress", group.id),
    }  # fmt: skip


def test_members_on_other_hosts_count_and_remote_groups_come_along(fleet: Fleet) -> None:
    def groups(tx: object) -> tuple[str, str]:
        web = security_groups.create(tx, fleet.settings, "p-alice", "web", "")  # type: ignore[arg-type]
        db = security_groups.create(tx, fleet.settings, "p-alice", "db", "")  # type: ignore[arg-type]
        rule = RuleSpec(direction="ingress", ip_version=4, protocol="tcp", remote_group_id=web.id)
        security_groups.add_rules(tx, fleet.settings, ALICE, "p-alice", [(db.id, rule)])  # type: ignore[arg-type]
        return web.id, db.id

    web, db = fleet.database.run(groups)
    net = fleet.network()
    far = fleet.get(boot(fleet, net, "h2", groups=("web",)))
    fleet.rung.clear()
    boot(fleet, net, "h1", groups=("db",))
    found = {group.id: group for group in wish(fleet, "h1").groups}
    assert set(found) == {web, db}
    assert found[web].members == (far.fixed_ips[0].ip,)
    assert found[db].members == ()
    fleet.rung.clear()
    fleet.port(net, groups=(web,))
    assert "h1" in fleet.rung  # whose rules name the group that has a new member


def test_the_dhcp_host_answers_for_every_port_of_the_network(database: Database) -> None:
    fleet = Fleet(database, "h1")
    net = fleet.network(kind="flat", physical_network="physnet1")
    far = fleet.get(boot(fleet, net, "h2"))
    [network] = wish(fleet, "h1").networks
    assert network.dhcp is not None
    assert [(host.port_id, host.mac) for host in network.dhcp.hosts] == [(far.id, far.mac)]
    assert network.dhcp.hosts[0].hostname == "host-" + far.fixed_ips[0].ip.replace(".", "-")
    assert wish(fleet, "h1").ports == ()
    [other] = wish(fleet, "h2").networks
    assert other.dhcp is None


def test_a_port_that_is_down_by_will_is_not_wired(fleet: Fleet) -> None:
    port_id = boot(fleet, fleet.network(), "h1")
    fleet.database.run(
        lambda tx: ports.update(tx, fleet.settings, ALICE, fleet.get(port_id), {"admin_state_up": False})
    )
    assert wish(fleet, "h1").ports == ()


def test_every_change_that_matters_to_the_agent_counts_the_revision_up(fleet: Fleet) -> None:
    net = fleet.network()
    port_id = boot(fleet, net, "h1")
    revision = fleet.get(port_id).revision
    changes = (
        {"fixed_ips": ()},
        {"groups": ()},
        {"allowed_pairs": ((None, "10.0.0.9"),)},
        {"allowed_pairs": (), "port_security": False},
    )
    for change in changes:
        fleet.database.run(
            lambda tx, change=change: ports.update(tx, fleet.settings, ALICE, fleet.get(port_id), change)
        )
        assert fleet.get(port_id).revision > revision
        revision = fleet.get(port_id).revision


def test_the_wish_costs_the_same_number_of_queries_for_one_port_and_for_many(fleet: Fleet) -> None:
    statements: list[str] = []
    event.listen(fleet.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def cost() -> int:
        statements.clear()
        wish(fleet, "h1")
        return len(statements)

    boot(fleet, fleet.network(), "h1")
    few = cost()
    for n in range(6):
        net = fleet.network(cidr=f"10.{n}.0.0/24")
        boot(fleet, net, "h1")
        boot(fleet, net, "h1")
    assert cost() == few
    assert len(wish(fleet, "h1").ports) == 13
