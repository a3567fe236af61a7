"""/v2.0/ports: addresses, groups, and what only the network's owner or the operator may set."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.network.conftest import Api


@pytest.fixture
def net(api: Api) -> dict[str, Any]:
    net = api.network()
    return {**net, "subnet": api.subnet(net["id"])}


def test_a_port_gets_an_address_a_mac_and_the_default_group(api: Api, net: dict[str, Any]) -> None:
    port = api.port(net["id"])
    [group] = api.do("alice", "GET", "/v2.0/security-groups")
    assert port["security_groups"] == [group["id"]]
    assert port["fixed_ips"][0]["subnet_id"] == net["subnet"]["id"]
    assert port["mac_address"].startswith("fa:16:3e:")
    assert port["status"] == "DOWN"
    assert "binding:host_id" not in port


def test_fixed_ips_are_given_as_asked(api: Api, net: dict[str, Any]) -> None:
    port = api.port(net["id"], fixed_ips=[{"ip_address": "10.0.0.77"}])
    assert port["fixed_ips"] == [{"subnet_id": net["subnet"]["id"], "ip_address": "10.0.0.77"}]
    assert len(api.port(net["id"], fixed_ips=[{"subnet_id": net["subnet"]["id"]}])["fixed_ips"]) == 1
    assert api.port(net["id"], fixed_ips=[])["fixed_ips"] == []
    body = {"port": {"network_id": net["id"], "fixed_ips": [{"ip_address": "10.0.0.77"}]}}
    status, answer = api.call("alice", "POST", "/v2.0/ports", body)
    assert (status, answer["NeutronError"]["type"]) == (409, "IpAddressInUse")


@pytest.mark.parametrize(
    ("fixed", "kind"),
    [
        ({"ip_address": "10.9.0.1"}, "InvalidIpForNetwork"),
        ({"ip_address": "10.0.0.255"}, "InvalidIpForNetwork"),
        ({"ip_address": "ten"}, "HTTPBadRequest"),
        ({"subnet_id": "00000000-0000-0000-0000-000000000000"}, "InvalidInput"),
        ({}, "InvalidInput"),
    ],
)
def test_addresses_off_the_network_are_refused(api: Api, net: dict[str, Any], fixed: dict[str, str], kind: str) -> None:
    body = {"port": {"network_id": net["id"], "fixed_ips": [fixed]}}
    status, answer = api.call("alice", "POST", "/v2.0/ports", body)
    assert (status, answer["NeutronError"]["type"]) == (400, kind)
    assert len(api.do("alice", "GET", "/v2.0/ports")) == 1  # the DHCP server's


def test_an_exhausted_subnet_is_a_conflict_and_freed_addresses_come_back_f77(api: Api) -> None:
    net = api.network()
    api.subnet(net["id"], cidr="10.0.0.0/29", enable_dhcp=False)
    ports = [api.port(net["id"]) for _ in range(5)]
    body = {"port": {"network_id": net["id"]}}
    status, answer = api.call("alice", "POST", "/v2.0/ports", body)
    assert (status, answer["NeutronError"]["type"]) == (409, "IpAddressGenerationFailure")
    assert len(api.do("alice", "GET", "/v2.0/ports")) == 5
    freed = ports[2]["fixed_ips"][0]["ip_address"]
    api.do("alice", "DELETE", f"/v2.0/ports/{ports[2]['id']}")
    assert api.port(net["id"])["fixed_ips"][0]["ip_address"] == freed


def test_a_mac_is_unique_in_its_network(api: Api, net: dict[str, Any]) -> None:
    mac = "02:00:00:00:00:01"
    api.port(net["id"], mac_address=mac.upper())
    body = {"port": {"network_id": net["id"], "mac_address": mac}}
    status, answer = api.call("alice", "POST", "/v2.0/ports", body)
    assert (status, answer["NeutronError"]["type"]) == (409, "MacAddressInUse")
    for odd in ("01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "zz:00:00:00:00:01", "02"):
        body["port"]["mac_address"] = odd
        assert api.call("alice", "POST", "/v2.0/ports", body)[0] == 400
    other = api.network()
    api.port(other["id"], mac_address=mac)


def test_addresses_and_groups_are_replaced_by_a_change(api: Api, net: dict[str, Any]) -> None:
    port = api.port(net["id"], fixed_ips=[{"ip_address": "10.0.0.10"}])
    path = f"/v2.0/ports/{port['id']}"
    change = {"fixed_ips": [{"ip_address": "10.0.0.10"}, {"ip_address": "10.0.0.11"}], "security_groups": []}
    changed = api.do("alice", "PUT", path, {"port": change})
    assert [fixed["ip_address"] for fixed in changed["fixed_ips"]] == ["10.0.0.10", "10.0.0.11"]
    assert changed["security_groups"] == []
    assert changed["revision_number"] > port["revision_number"]
    changed = api.do("alice", "PUT", path, {"port": {"fixed_ips": [{"ip_address": "10.0.0.11"}]}})
    assert [fixed["ip_address"] for fixed in changed["fixed_ips"]] == ["10.0.0.11"]
    api.port(net["id"], fixed_ips=[{"ip_address": "10.0.0.10"}])


def test_allowed_pairs_are_normalised_and_need_port_security(api: Api, net: dict[str, Any]) -> None:
    port = api.port(net["id"], allowed_address_pairs=[{"ip_address": "10.0.0.200"}, {"ip_address": "10.5.0.9/24"}])
    assert port["allowed_address_pairs"] == [
        {"mac_address": port["mac_address"], "ip_address": "10.0.0.200"},
        {"mac_address": port["mac_address"], "ip_address": "10.5.0.0/24"},
    ]
    body = {"port_security_enabled": False, "allowed_address_pairs": [{"ip_address": "10.0.0.9"}]}
    status, answer = api.call("alice", "POST", "/v2.0/ports", {"port": {"network_id": net["id"], **body}})
    assert (status, answer["NeutronError"]["type"]) == (409, "AddressPairAndPortSecurityRequired")
    open_port = api.port(net["id"], port_security_enabled=False)
    assert open_port["security_groups"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mac_address", "02:00:00:00:00:99"),
        ("fixed_ips", [{"ip_address": "10.0.0.9"}]),
        ("port_security_enabled", False),
        ("allowed_address_pairs", [{"ip_address": "10.0.0.9"}]),
        ("device_owner", "network:router_interface"),
        ("device_owner", "network:dhcp"),
        ("binding:host_id", "h1"),
        ("binding:profile", {"a": "b"}),
    ],
)
def test_on_a_shared_network_a_guest_project_takes_what_it_gets_s056_s061(api: Api, name: str, value: object) -> None:
    net = api.network("admin", shared=True)
    api.subnet(net["id"], "admin")
    status, _ = api.call("bob", "POST", "/v2.0/ports", {"port": {"network_id": net["id"], name: value}})
    assert status == 403
    port = api.port(net["id"], "bob")
    status, _ = api.call("bob", "PUT", f"/v2.0/ports/{port['id']}", {"port": {name: value}})
    assert status == 403
    shown = api.do("bob", "GET", f"/v2.0/ports/{port['id']}")
    assert shown == port


def test_nobody_passes_a_port_off_as_a_dhcp_server(api: Api, net: dict[str, Any]) -> None:
    for persona in ("alice", "admin"):
        body = {"port": {"network_id": net["id"], "device_owner": "network:dhcp"}}
        assert api.call(persona, "POST", "/v2.0/ports", body)[0] == 403
    [server] = api.do("alice", "GET", "/v2.0/ports")
    status, answer = api.call("alice", "DELETE", f"/v2.0/ports/{server['id']}")
    assert (status, answer["NeutronError"]["type"]) == (409, "ServicePortInUse")


def test_an_external_network_is_seen_but_not_plugged_into(api: Api) -> None:
    net = api.network("admin", **{"router:external": True})
    api.subnet(net["id"], "admin")
    assert api.do("bob", "GET", f"/v2.0/networks/{net['id']}")["router:external"] is True
    assert api.call("bob", "POST", "/v2.0/ports", {"port": {"network_id": net["id"]}})[0] == 403


def test_a_foreign_security_group_is_unknown_s060(api: Api, net: dict[str, Any]) -> None:
    [group] = api.do("bob", "GET", "/v2.0/security-groups")
    body = {"port": {"network_id": net["id"], "security_groups": [group["id"]]}}
    status, answer = api.call("alice", "POST", "/v2.0/ports", body)
    assert (status, answer["NeutronError"]["type"]) == (404, "SecurityGroupNotFound")


def test_an_operator_binds_a_port_and_the_agent_is_rung(api: Api, net: dict[str, Any]) -> None:
    port = api.port(net["id"])
    api.rung.clear()
    bound = api.do("admin", "PUT", f"/v2.0/ports/{port['id']}", {"port": {"binding:host_id": "h7"}})
    assert (bound["binding:host_id"], bound["binding:vif_type"]) == ("h7", "bridge")
    assert "h7" in api.rung
    status, answer = api.call(
        "alice", "PUT", f"/v2.0/ports/{port['id']}", {"port": {"mac_address": "02:00:00:00:00:07"}}
    )
    assert (status, answer["NeutronError"]["type"]) == (409, "PortBound")


def test_ports_are_created_in_bulk(api: Api, net: dict[str, Any]) -> None:
    items = [{"network_id": net["id"], "name": f"p{n}"} for n in range(5)]
    made = api.do("alice", "POST", "/v2.0/ports", {"ports": items})
    assert [port["name"] for port in made] == ["p0", "p1", "p2", "p3", "p4"]
    assert len({port["fixed_ips"][0]["ip_address"] for port in made}) == 5


@pytest.mark.parametrize("id", ["%00", "a%00b", "x" * 300, "00000000-0000-0000-0000-000000000000"])
def test_what_cannot_be_an_id_is_not_found(api: Api, id: str) -> None:
    assert api.call("alice", "GET", f"/v2.0/ports/{id}")[0] == 404
