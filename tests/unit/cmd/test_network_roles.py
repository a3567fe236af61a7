"""The roles of iaas-network: given on the command line, told with every heartbeat, kept in a fixed order (A-026)."""

from __future__ import annotations

import pytest

from iaas.cmd.network import roles
from iaas.db import services
from iaas.db.engine import Database
from iaas.db.network import hosts
from iaas.model.service import DHCP, L3
from iaas.network import agents
from tests.unit.network.fleet import Fleet

ALL = ("l2", "dhcp", "l3", "metadata")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ("controller", *ALL)),
        (["agent"], ALL),
        (["controller"], ("controller",)),
        (["agent", "controller"], ("controller", *ALL)),
        (["l2"], ("l2",)),
        (["metadata", "dhcp"], ("l2", "dhcp", "metadata")),  # whoever serves a network wires it
        (["l3", "agent"], ALL),
    ],
)
def test_roles_of_a_command_line(given: list[str] | None, expected: tuple[str, ...]) -> None:
    assert roles(given) == expected


def _beat(database: Database, host: str, *told: str) -> None:
    database.run(lambda tx: services.touch(tx, "iaas-network", host, "boot", 1, 1, "10.0.0.9", told))


def test_networks_are_served_only_by_hosts_with_the_role(database: Database) -> None:
    _beat(database, "controller", "controller")
    _beat(database, "compute", "l2")
    with database.read() as tx:
        assert hosts.least_loaded(tx) is None
    _beat(database, "network", *ALL)
    with database.read() as tx:
        assert hosts.least_loaded(tx) == "network"
        assert [service.host for service in services.all_of(tx) if service.has_role(L3)] == ["network"]


def test_a_network_is_deserted_when_its_host_gives_up_the_role(database: Database) -> None:
    _beat(database, "h1", *ALL)
    network = Fleet(database).network(cidr=None).id
    database.run(lambda tx: hosts.place(tx, network, "h1"))
    with database.read() as tx:
        assert hosts.deserted(tx) == []
    _beat(database, "h1", "l2")
    with database.read() as tx:
        assert hosts.deserted(tx) == [(network, "h1")]


def test_an_agent_is_listed_once_for_each_role_that_it_has(database: Database) -> None:
    _beat(database, "controller", "controller")
    _beat(database, "compute", "l2")
    _beat(database, "network", "l2", DHCP)
    with database.read() as tx:
        found = [(agent.host, agent.binary) for agent in agents.listed(tx)]
    assert found == [
        ("compute", "neutron-linuxbridge-agent"),
        ("network", "neutron-linuxbridge-agent"),
        ("network", "neutron-dhcp-agent"),
    ]
