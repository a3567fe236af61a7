"""Unmodified openstacksdk and the openstack command against the network API, on loopback."""

from __future__ import annotations

from typing import Any

import openstack
import pytest
from openstack import exceptions

from iaas.api.app import make_app
from iaas.api.network.dialect import DIALECT
from iaas.api.network.rules import RULES
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.db import services
from iaas.db.engine import Tx
from iaas.network.service import NetworkServices
from iaas.network.settings import RESOURCES, Settings
from tests.compat.cloud import Cloud

LIMITS = {**dict.fromkeys(RESOURCES, 100), "ports": 500}


def beat(tx: Tx) -> None:
    services.touch(tx, "iaas-network", "h1", "boot", 1, 1)


@pytest.fixture(scope="module")
def network(cloud: Cloud) -> Cloud:
    """The cloud with a network service, and one host whose agent is alive."""
    routes = collect("iaas.api.network")
    service = NetworkServices(database=cloud.database, settings=Settings(physical={"physnet1": "br-ex"}, limits=LIMITS))
    app = make_app(DIALECT, routes, service, Policy.of_routes(routes, RULES), cloud.identity.authenticate)
    cloud.add("network", app)
    cloud.database.run(beat)
    return cloud


@pytest.fixture(scope="module")
def sdk(network: Cloud) -> openstack.connection.Connection:
    return network.sdk()


def row(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    [line] = [line for line in found if line["Name"] == name]
    return line


def test_the_command_manages_networks_and_subnets(network: Cloud) -> None:
    made = network.cli("network", "create", "--description", "d", "--tag", "blue", "cli-net")
    assert (made["name"], made["status"], made["router:external"]) == ("cli-net", "ACTIVE", False)
    subnet = network.cli(
        "subnet", "create", "--network", "cli-net", "--subnet-range", "10.9.0.0/24", "--dns-nameserver", "1.1.1.1",
        "--allocation-pool", "start=10.9.0.10,end=10.9.0.99",
        "--host-route", "destination=10.1.0.0/16,gateway=10.9.0.5",
        "cli-subnet",
    )  # fmt: skip
    assert (subnet["cidr"], subnet["gateway_ip"], subnet["enable_dhcp"]) == ("10.9.0.0/24", "10.9.0.1", True)
    listed = row(network.cli("network", "list"), "cli-net")
    assert listed["Subnets"] == [subnet["id"]]
    assert row(network.cli("network", "list", "--long"), "cli-net")["State"] is True
    assert row(network.cli("subnet", "list"), "cli-subnet")["Subnet"] == "10.9.0.0/24"
    assert "cli-net" in network.cli("network", "list", form="table")
    assert network.cli("network", "list", "--tags", "red") == []
    network.cli("network", "set", "--name", "renamed", "--disable", "cli-net", form="")
    shown = network.cli("network", "show", "renamed")
    assert (shown["id"], shown["tags"], shown["admin_state_up"]) == (made["id"], ["blue"], False)
    network.cli("network", "delete", "renamed", form="")
    assert network.cli("subnet", "list") == []


def test_the_command_manages_ports_and_security_groups(network: Cloud) -> None:
    network.cli("network", "create", "port-net")
    network.cli("subnet", "create", "--network", "port-net", "--subnet-range", "10.8.0.0/24", "port-subnet")
    group = network.cli("security", "group", "create", "--description", "web servers", "web")
    rule = network.cli("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22:23", "web")
    assert (rule["port_range_min"], rule["port_range_max"], rule["remote_ip_prefix"]) == (22, 23, "0.0.0.0/0")
    network.cli("security", "group", "rule", "create", "--protocol", "icmp", "--remote-group", "web", "web")
    listed = network.cli("security", "group", "rule", "list", "web")
    assert {(line["IP Protocol"], line["Port Range"]) for line in listed} >= {("tcp", "22:23"), ("icmp", "")}
    assert row(network.cli("security", "group", "list"), "web")["Description"] == "web servers"
    assert "web" in network.cli("security", "group", "list", form="table")

    port = network.cli(
        "port", "create", "--network", "port-net", "--fixed-ip", "subnet=port-subnet,ip-address=10.8.0.77",
        "--security-group", "web", "--tag", "t", "p1",
    )  # fmt: skip
    assert port["fixed_ips"][0]["ip_address"] == "10.8.0.77"
    assert port["security_group_ids"] == [group["id"]]
    assert row(network.cli("port", "list", "--network", "port-net"), "p1")["Status"] == "DOWN"
    assert row(network.cli("port", "list", "--fixed-ip", "ip-address=10.8.0.77", "--long"), "p1")["Tags"] == ["t"]
    assert "10.8.0.77" in network.cli("port", "list", form="table")
    assert network.cli("port", "show", "p1")["mac_address"] == port["mac_address"]
    network.cli("port", "delete", "p1", form="")
    network.cli("security", "group", "delete", "web", form="")
    network.cli("network", "delete", "port-net", form="")


def test_the_command_shows_agents_quotas_zones_and_extensions(network: Cloud) -> None:
    network.database.run(beat)
    agents = network.cli("network", "agent", "list")
    assert {agent["Agent Type"] for agent in agents} == {
        "Linux bridge agent",
        "DHCP agent",
        "L3 agent",
        "Metadata agent",
    }
    assert {(agent["Host"], agent["Alive"], agent["State"]) for agent in agents} == {("h1", True, True)}
    assert network.cli("network", "agent", "show", agents[0]["ID"])["host"] == "h1"
    aliases = {line["Alias"] for line in network.cli("extension", "list", "--network")}
    assert {"provider", "security-group", "port-security"} <= aliases
    zones = network.cli("availability", "zone", "list", "--network")
    assert zones == [{"Zone Name": "nova", "Zone Status": "available"}]
    network.cli("ip", "availability", "list")


def test_the_sdk_makes_ports_in_bulk_and_lists_them_by_pages(sdk: openstack.connection.Connection) -> None:
    net = sdk.network.create_network(name="bulk")
    made = list(sdk.network.create_ports([{"network_id": net.id, "name": f"p{n}"} for n in range(5)]))
    found = list(sdk.network.ports(network_id=net.id, limit=2, sort_key="name"))
    assert [port.name for port in found] == ["p0", "p1", "p2", "p3", "p4"]
    assert [port.name for port in sdk.network.ports(network_id=net.id, name="p3")] == ["p3"]
    assert {port.id for port in found} == {port.id for port in made}
    for port in made:
        sdk.network.delete_port(port)
    sdk.network.delete_network(net)
    with pytest.raises(exceptions.NotFoundException):
        sdk.network.find_network("bulk", ignore_missing=False)


def test_the_sdk_sees_faults_as_its_own_exceptions(sdk: openstack.connection.Connection) -> None:
    with pytest.raises(exceptions.NotFoundException):
        sdk.network.get_network("00000000-0000-0000-0000-000000000000")
    with pytest.raises(exceptions.BadRequestException) as caught:
        sdk.network.create_network(name="x", mtu=1)
    assert "MTU" in str(caught.value)
    net = sdk.network.create_network(name="full")
    subnet = sdk.network.create_subnet(network_id=net.id, ip_version=4, cidr="10.7.0.0/30", enable_dhcp=False)
    port = sdk.network.create_port(network_id=net.id)
    with pytest.raises(exceptions.ConflictException) as conflict:
        sdk.network.create_port(network_id=net.id)
    assert "No more IP addresses" in str(conflict.value)
    with pytest.raises(exceptions.ConflictException):
        sdk.network.delete_subnet(subnet, ignore_missing=False)
    sdk.network.delete_port(port)
    sdk.network.delete_network(net)


def test_the_sdk_reads_and_sets_quotas(sdk: openstack.connection.Connection) -> None:
    project = sdk.current_project_id
    assert sdk.network.get_quota(project).networks == 100
    sdk.network.update_quota(project, networks=50)
    details = sdk.network.get_quota(project, details=True)
    assert details.networks["limit"] == 50
    sdk.network.delete_quota(project)
    assert sdk.network.get_quota(project).networks == 100
    assert sdk.network.get_quota_default(project).ports == 500


def test_the_sdk_changes_ports_and_groups(sdk: openstack.connection.Connection) -> None:
    net = sdk.network.create_network(name="sdk")
    sdk.network.create_subnet(network_id=net.id, ip_version=4, cidr="10.6.0.0/24")
    group = sdk.network.create_security_group(name="sdk")
    rule = sdk.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="udp", port_range_min=53, port_range_max=53
    )
    port = sdk.network.create_port(network_id=net.id, name="a")
    port = sdk.network.update_port(port, name="b", security_group_ids=[group.id])
    assert (port.name, port.security_group_ids) == ("b", [group.id])
    assert [found.id for found in sdk.network.ports(security_group_ids=[group.id])] == [port.id]
    sdk.network.set_tags(port, ["x", "y"])
    assert sorted(sdk.network.get_port(port.id).tags) == ["x", "y"]
    sdk.network.delete_security_group_rule(rule)
    sdk.network.delete_port(port)
    sdk.network.delete_security_group(group)
    sdk.network.delete_network(net)
    assert [found for found in sdk.network.ports() if found.network_id == net.id] == []
