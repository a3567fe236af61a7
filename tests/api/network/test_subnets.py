"""/v2.0/subnets: geometry at the edges of the API, and the DHCP server that a subnet brings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.network.conftest import Api


def test_a_subnet_gets_a_gateway_and_everything_else_as_pool(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"], name="s")
    assert subnet["gateway_ip"] == "10.0.0.1"
    assert subnet["allocation_pools"] == [{"start": "10.0.0.2", "end": "10.0.0.254"}]
    assert subnet["enable_dhcp"] is True
    assert api.do("alice", "GET", f"/v2.0/networks/{net['id']}")["subnets"] == [subnet["id"]]


def test_a_gateway_in_the_middle_splits_the_pool_and_none_leaves_it_whole(api: Api) -> None:
    net = api.network()
    split = api.subnet(net["id"], gateway_ip="10.0.0.100")
    assert [pool["start"] for pool in split["allocation_pools"]] == ["10.0.0.1", "10.0.0.101"]
    whole = api.subnet(net["id"], cidr="10.0.1.0/24", gateway_ip=None)
    assert whole["gateway_ip"] is None
    assert whole["allocation_pools"] == [{"start": "10.0.1.1", "end": "10.0.1.254"}]


def test_an_ipv6_subnet_is_made_and_gives_addresses(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"], cidr="2001:db8::/64", ip_version=6)
    assert subnet["gateway_ip"] == "2001:db8::1"
    [fixed] = api.port(net["id"])["fixed_ips"]
    assert fixed["ip_address"].startswith("2001:db8::")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"cidr": "10.0.0.7/24"}, 400, None),
        ({"cidr": "10.0.0.0"}, 400, None),
        ({"cidr": "10.0.0.0/33"}, 400, None),
        ({"cidr": "2001:db8::/64", "ip_version": 4}, 400, None),
        ({"cidr": "127.0.0.0/24"}, 400, None),
        ({"cidr": "169.254.0.0/16"}, 400, None),
        ({"cidr": "224.0.0.0/24"}, 400, None),
        ({"cidr": "0.0.0.0/0"}, 400, None),
        ({"cidr": "fe80::/64", "ip_version": 6}, 400, None),
        ({"gateway_ip": "10.9.9.9"}, 400, None),
        ({"gateway_ip": "10.0.0.0"}, 400, None),
        ({"gateway_ip": "10.0.0.255"}, 400, None),
        ({"gateway_ip": "gate\nway"}, 400, None),
        ({"dns_nameservers": ["8.8.8.8\ndhcp-script=/bin/sh"]}, 400, None),
        ({"dns_nameservers": ["dns.example"]}, 400, None),
        ({"dns_nameservers": ["8.8.8.8", "8.8.8.8"]}, 400, None),
        ({"dns_nameservers": [f"8.8.8.{n}" for n in range(6)]}, 400, None),
        ({"dns_nameservers": ["fe80::1%eth0"]}, 400, None),
        ({"host_routes": [{"destination": "10.1.0.0/16", "nexthop": "10.0.0.2,6,1.1.1.1"}]}, 400, None),
        ({"host_routes": [{"destination": "10.1.0.5/16", "nexthop": "10.0.0.2"}]}, 400, None),
        ({"host_routes": [{"destination": "::/0", "nexthop": "10.0.0.2"}]}, 400, None),
        ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.5"}]}, 400, "InvalidAllocationPool"),
        ({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.1.5"}]}, 409, "OutOfBoundsAllocationPool"),
        ({"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}, {"start": "10.0.0.9", "end": "10.0.0.10"}]},
         409, "OverlappingAllocationPools"),
        ({"allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.9"}]}, 409, "GatewayConflictWithAllocationPools"),
        ({"ipv6_ra_mode": "slaac"}, 400, None),
        ({"subnetpool_id": "x"}, 400, None),
        ({"enable_dhcp": "maybe"}, 400, None),
    ],
)  # fmt: skip
def test_odd_subnets_are_refused_s087_s086(api: Api, body: dict[str, Any], status: int, kind: str | None) -> None:
    net = api.network()
    given = {"network_id": net["id"], "cidr": "10.0.0.0/24", "ip_version": 4, **body}
    got, answer = api.call("alice", "POST", "/v2.0/subnets", {"subnet": given})
    assert got == status, answer
    assert kind is None or answer["NeutronError"]["type"] == kind
    assert api.do("alice", "GET", f"/v2.0/networks/{net['id']}")["subnets"] == []


def test_overlapping_subnets_of_one_network_are_refused_but_not_of_two(api: Api) -> None:
    net = api.network()
    api.subnet(net["id"])
    status, _ = api.call(
        "alice", "POST", "/v2.0/subnets", {"subnet": {"network_id": net["id"], "cidr": "10.0.0.128/25"}}
    )
    assert status == 400
    api.subnet(api.network()["id"])


def test_the_first_dhcp_subnet_brings_a_server_and_the_last_takes_it_away(api: Api) -> None:
    net = api.network()
    first = api.subnet(net["id"])
    second = api.subnet(net["id"], cidr="10.0.1.0/24")
    [server] = api.do("admin", "GET", "/v2.0/ports?device_owner=network:dhcp")
    assert server["binding:host_id"] == "h1"
    assert {fixed["subnet_id"] for fixed in server["fixed_ips"]} == {first["id"], second["id"]}
    api.do("alice", "PUT", f"/v2.0/subnets/{first['id']}", {"subnet": {"enable_dhcp": False}})
    [server] = api.do("admin", "GET", "/v2.0/ports?device_owner=network:dhcp")
    assert [fixed["subnet_id"] for fixed in server["fixed_ips"]] == [second["id"]]
    api.do("alice", "DELETE", f"/v2.0/subnets/{second['id']}")
    assert api.do("admin", "GET", "/v2.0/ports") == []


def test_a_subnet_with_an_address_in_use_stays(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"])
    port = api.port(net["id"])
    status, answer = api.call("alice", "DELETE", f"/v2.0/subnets/{subnet['id']}")
    assert (status, answer["NeutronError"]["type"]) == (409, "SubnetInUse")
    api.do("alice", "DELETE", f"/v2.0/ports/{port['id']}")
    api.do("alice", "DELETE", f"/v2.0/subnets/{subnet['id']}")


def test_only_the_owner_of_a_network_adds_subnets_to_it(api: Api) -> None:
    net = api.network("admin", shared=True)
    body = {"subnet": {"network_id": net["id"], "cidr": "10.0.0.0/24"}}
    assert api.call("bob", "POST", "/v2.0/subnets", body)[0] == 403
    private = api.network()
    body["subnet"]["network_id"] = private["id"]
    assert api.call("bob", "POST", "/v2.0/subnets", body)[0] == 404


def test_changes_are_checked_like_creations(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"])
    path = f"/v2.0/subnets/{subnet['id']}"
    change = {
        "dns_nameservers": ["1.1.1.1"],
        "host_routes": [{"destination": "0.0.0.0/0", "nexthop": "10.0.0.9"}],
        "allocation_pools": [{"start": "10.0.0.50", "end": "10.0.0.60"}],
        "gateway_ip": "10.0.0.3",
    }
    changed = api.do("alice", "PUT", path, {"subnet": change})
    assert changed["dns_nameservers"] == ["1.1.1.1"]
    assert changed["gateway_ip"] == "10.0.0.3"
    assert changed["allocation_pools"] == [{"start": "10.0.0.50", "end": "10.0.0.60"}]
    assert api.call("alice", "PUT", path, {"subnet": {"gateway_ip": "10.0.0.55"}})[0] == 409
    assert api.call("alice", "PUT", path, {"subnet": {"cidr": "10.2.0.0/24"}})[0] == 400


def test_a_change_rings_the_hosts_concerned(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"])
    api.rung.clear()
    api.do("alice", "PUT", f"/v2.0/subnets/{subnet['id']}", {"subnet": {"dns_nameservers": ["1.1.1.1"]}})
    assert api.rung == ["h1"]
