"""The stock openstack command and openstacksdk with routers, floating IPs and provider networks: the lines of the
second release that concern the network."""

from __future__ import annotations

from collections.abc import Iterator

import openstack
import pytest
from openstack import exceptions

from iaas.network.controller import Controller
from iaas.network.settings import Settings
from tests.compat.cloud import Cloud
from tests.compat.test_network_clients import beat, network, row, sdk  # noqa: F401  fixtures


@pytest.fixture(scope="module")
def public(network: Cloud) -> Iterator[str]:  # noqa: F811
    made = network.cli(
        "network", "create", "--external", "--share", "--provider-network-type", "flat",
        "--provider-physical-network", "physnet1", "public",
    )  # fmt: skip
    assert (made["router:external"], made["shared"], made["provider:network_type"]) == (True, True, "flat")
    network.cli(
        "subnet", "create", "--network", "public", "--subnet-range", "203.0.113.0/24", "--no-dhcp",
        "--gateway", "203.0.113.1", "--allocation-pool", "start=203.0.113.10,end=203.0.113.99", "public-subnet",
    )  # fmt: skip
    yield str(made["id"])
    network.cli("network", "delete", "public", form="")


def test_a_private_network_gets_a_way_out_and_an_address_outside(network: Cloud, public: str) -> None:  # noqa: F811
    network.database.run(beat)
    network.cli("network", "create", "private")
    network.cli("subnet", "create", "--network", "private", "--subnet-range", "10.0.0.0/24", "private-subnet")
    router = network.cli("router", "create", "--tag", "edge", "r1")
    assert (router["name"], router["admin_state_up"], router["external_gateway_info"]) == ("r1", True, None)
    network.cli("router", "set", "--external-gateway", "public", "r1", form="")
    network.cli("router", "add", "subnet", "r1", "private-subnet", form="")
    shown = network.cli("router", "show", "r1")
    info = shown["external_gateway_info"]
    assert (info["network_id"], info["enable_snat"]) == (public, True)
    assert [item["ip_address"] for item in shown["interfaces_info"]] == ["10.0.0.1"]
    port = network.cli("port", "create", "--network", "private", "vm")
    floating = network.cli("floating", "ip", "create", "public")
    assert (floating["floating_network_id"], floating["status"]) == (public, "DOWN")
    network.cli("floating", "ip", "set", "--port", "vm", floating["floating_ip_address"], form="")
    [listed] = network.cli("floating", "ip", "list")
    assert (listed["Fixed IP Address"], listed["Port"]) == (port["fixed_ips"][0]["ip_address"], port["id"])
    assert floating["floating_ip_address"] in network.cli("floating", "ip", "list", form="table")
    # The agents, by who asks for what; a slow machine may have let the heartbeat age before the router was placed
    network.database.run(beat)
    Controller(network.database, Settings(), lambda tx, servers: None).repair()
    [agent] = network.cli("network", "agent", "list", "--router", "r1")
    assert (agent["Agent Type"], agent["Host"]) == ("L3 agent", "h1")
    assert [line["Name"] for line in network.cli("router", "list", "--agent", agent["ID"])] == ["r1"]
    [serving] = network.cli("network", "agent", "list", "--network", "private")
    assert serving["Agent Type"] == "DHCP agent"
    assert "private" in [line["Name"] for line in network.cli("network", "list", "--agent", serving["ID"])]
    route = "destination=192.168.0.0/24,gateway=10.0.0.9"
    network.cli("router", "add", "route", "--route", route, "r1")
    network.cli("router", "remove", "route", "--route", route, "r1")
    # And all of it goes away again
    network.cli("floating", "ip", "unset", "--port", floating["floating_ip_address"], form="")
    network.cli("floating", "ip", "delete", floating["floating_ip_address"], form="")
    network.cli("router", "unset", "--external-gateway", "r1", form="")
    network.cli("router", "remove", "subnet", "r1", "private-subnet", form="")
    network.cli("port", "delete", "vm", form="")
    network.cli("router", "delete", "r1", form="")
    network.cli("network", "delete", "private", form="")
    assert network.cli("router", "list") == []


def test_the_operator_makes_provider_networks_of_each_kind(network: Cloud) -> None:  # noqa: F811
    for words, segment in (
        (("vlan", "--provider-physical-network", "physnet1", "--provider-segment", "100"), 100),
        (("vxlan", "--provider-segment", "4242"), 4242),
        (("local",), None),
    ):
        made = network.cli("network", "create", "--provider-network-type", *words, "provider")
        assert (made["provider:network_type"], made["provider:segmentation_id"]) == (words[0], segment)
        network.cli("network", "delete", "provider", form="")


def test_a_floating_ip_that_no_router_leads_to_is_refused(sdk: openstack.connection.Connection, public: str) -> None:  # noqa: F811
    net = sdk.network.create_network(name="alone")
    subnet = sdk.network.create_subnet(network_id=net.id, ip_version=4, cidr="10.5.0.0/24")
    port = sdk.network.create_port(network_id=net.id)
    with pytest.raises(exceptions.NotFoundException) as refusal:
        sdk.network.create_ip(floating_network_id=public, port_id=port.id)
    assert "is not reachable from subnet" in str(refusal.value)
    router = sdk.network.create_router(name="sdk", external_gateway_info={"network_id": public})
    sdk.network.add_interface_to_router(router, subnet=subnet.id)
    floating = sdk.network.create_ip(floating_network_id=public, port_id=port.id)
    assert (floating.router_id, floating.port_details["status"]) == (router.id, "DOWN")
    assert [found.id for found in sdk.network.ips(router_id=router.id)] == [floating.id]
    with pytest.raises(exceptions.ConflictException):
        sdk.network.delete_router(router, ignore_missing=False)
    sdk.network.delete_ip(floating)
    sdk.network.remove_interface_from_router(router, subnet=subnet.id)
    sdk.network.delete_router(router)
    sdk.network.delete_port(port)
    sdk.network.delete_network(net)


def test_a_refused_quota_says_which_its_limit_and_its_use(sdk: openstack.connection.Connection, public: str) -> None:  # noqa: F811
    sdk.network.update_quota(sdk.current_project_id, floating_ips=0)
    with pytest.raises(exceptions.ConflictException) as refusal:
        sdk.network.create_ip(floating_network_id=public)
    assert "'floatingip'" in str(refusal.value)
    assert "The limit is 0" in str(refusal.value)
    sdk.network.delete_quota(sdk.current_project_id)
