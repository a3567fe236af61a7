"""/v2.0/auto-allocated-topology: a network of its own for each project, made by looking (A-092)"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any

import pytest

from iaas.db import quotas
from tests.api.network.conftest import Api
from tests.api.network.test_routers import public, refused

POOL = IPv4Network("10.200.0.0/16")
VLANS = {"tenant_types": ("vlan",), "vlan_ranges": (("physnet1", 100, 101),), "subnet_pool": POOL, "subnet_prefix": 26}
ALICE, BOB = "/v2.0/auto-allocated-topology/p-alice", "/v2.0/auto-allocated-topology/p-bob"
FLAT = {"provider:network_type": "flat", "provider:physical_network": "physnet1"}


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """Two VLANs for projects, and a default way out."""
    made = make_api(VLANS)
    public(made, is_default=True, **FLAT)
    return made


def used(api: Api, project: str = "p-alice") -> dict[str, int]:
    with api.database.read() as tx:
        return {name: count for name, count in quotas.usage(tx, project).items() if count}


def only(api: Api, persona: str, plural: str) -> dict[str, Any]:
    """The one that the persona's project has, not counting the way out."""
    project = f"p-{persona}"
    [found] = [item for item in api.do(persona, "GET", f"/v2.0/{plural}") if item["project_id"] == project]
    return dict(found)


def test_a_look_makes_a_network_with_a_subnet_of_the_pool_and_a_router(api: Api) -> None:
    made = api.do("alice", "GET", ALICE)
    net, subnet, router = (only(api, "alice", plural) for plural in ("networks", "subnets", "routers"))
    assert made == {"id": net["id"], "tenant_id": "p-alice", "project_id": "p-alice"}
    assert (net["name"], net["mtu"], net["admin_state_up"]) == ("auto_allocated_network", 1500, True)
    assert (subnet["name"], subnet["enable_dhcp"]) == ("auto_allocated_subnet_v4", True)
    cidr = IPv4Network(subnet["cidr"])
    assert (cidr.subnet_of(POOL), cidr.prefixlen) == (True, 26)
    assert router["name"] == "auto_allocated_router"
    assert router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"].startswith("203.0.113.")
    [port] = api.do("alice", "GET", f"/v2.0/ports?device_id={router['id']}&network_id={net['id']}")
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": subnet["gateway_ip"]}]
    assert api.do("alice", "GET", ALICE) == made
    assert api.do("alice", "GET", "/v2.0/auto-allocated-topology/None") == made
    assert used(api) == {"networks": 1, "subnets": 1, "routers": 1, "ports": 1}


def test_two_projects_get_two_vlans_and_neither_sees_the_others(api: Api) -> None:
    """A-092: 404, not 403"""
    api.do("alice", "GET", ALICE)
    api.do("bob", "GET", BOB)
    of_alice = {plural: only(api, "alice", plural)["id"] for plural in ("networks", "subnets", "routers")}
    of_bob = {plural: only(api, "bob", plural)["id"] for plural in ("networks", "subnets", "routers")}
    shown = [api.do("admin", "GET", f"/v2.0/networks/{owned['networks']}") for owned in (of_alice, of_bob)]
    assert {net["provider:segmentation_id"] for net in shown} == {100, 101}
    assert {net["provider:physical_network"] for net in shown} == {"physnet1"}
    assert "provider:segmentation_id" not in api.do("alice", "GET", f"/v2.0/networks/{of_alice['networks']}")
    for plural, id in of_alice.items():
        for method in ("GET", "DELETE"):
            assert api.call("bob", method, f"/v2.0/{plural}/{id}")[0] == 404, (method, plural)
    refused(api, 404, "HTTPNotFound", "GET", ALICE, persona="bob")
    refused(api, 404, "HTTPNotFound", "DELETE", ALICE, persona="bob")
    assert api.do("admin", "GET", ALICE)["id"] == of_alice["networks"]


def test_a_dry_run_says_whether_it_would_work_and_makes_nothing(api: Api) -> None:
    dry = f"{ALICE}?fields=dry-run"
    assert api.do("alice", "GET", dry) == {"id": "dry-run=pass", "tenant_id": "p-alice", "project_id": "p-alice"}
    assert used(api) == {}
    refused(api, 400, "BadRequest", "GET", f"{ALICE}?fields=id")


@pytest.mark.parametrize("lacking", ["default", "pool", "addresses"])
def test_a_platform_that_is_not_made_for_it_says_so(make_api: Callable[..., Api], lacking: str) -> None:
    api = make_api({**VLANS, **({"subnet_pool": None} if lacking == "pool" else {})})
    if lacking == "addresses":
        api.network("admin", is_default=True, **{"router:external": True}, **FLAT)
    else:
        public(api, is_default=lacking != "default", **FLAT)
    refused(api, 409, "AutoAllocationFailure", "GET", ALICE)
    if lacking != "addresses":
        refused(api, 409, "AutoAllocationFailure", "GET", f"{ALICE}?fields=dry-run")
    assert used(api) == {}


@pytest.mark.parametrize("resource", ["networks", "subnets", "routers", "ports"])
def test_a_project_without_room_gets_nothing_at_all(make_api: Callable[..., Api], resource: str) -> None:
    api = make_api(VLANS, **{resource: 0})
    api.database.run(lambda tx: quotas.set_limits(tx, "p-admin", {resource: 10}))
    public(api, is_default=True, **FLAT)
    refused(api, 409, "OverQuota", "GET", ALICE)
    assert used(api) == {}
    with api.database.read() as tx:
        assert quotas.usage(tx, "p-admin") == {"networks": 1, "subnets": 1}


def test_an_exhausted_range_is_a_conflict_and_what_is_given_back_is_free(api: Api) -> None:
    """F-77"""
    api.do("alice", "GET", ALICE)
    net = api.network("alice")
    refused(api, 409, "NoNetworkAvailable", "GET", BOB, persona="bob")
    refused(api, 409, "NoNetworkAvailable", "POST", "/v2.0/networks", {"network": {}}, persona="bob")
    assert used(api, "p-bob") == {}
    api.do("alice", "DELETE", f"/v2.0/networks/{net['id']}")
    api.do("bob", "GET", BOB)
    api.do("alice", "DELETE", ALICE)
    assert used(api) == {}
    api.network("bob")


def test_it_is_taken_away_whole_or_not_at_all(api: Api) -> None:
    api.do("alice", "DELETE", ALICE)
    made = api.do("alice", "GET", ALICE)
    port = api.port(made["id"])
    refused(api, 409, "NetworkInUse", "DELETE", ALICE)
    assert used(api)["routers"] == 1
    api.do("alice", "DELETE", f"/v2.0/ports/{port['id']}")
    api.do("alice", "DELETE", ALICE)
    assert used(api) == {"security_groups": 1, "security_group_rules": 4}
    assert api.do("alice", "GET", ALICE)["id"] != made["id"]


def test_a_project_that_deleted_its_network_or_router_by_hand_goes_on(api: Api) -> None:
    made = api.do("alice", "GET", ALICE)
    router = only(api, "alice", "routers")["id"]
    subnet = only(api, "alice", "subnets")["id"]
    api.do("alice", "PUT", f"/v2.0/routers/{router}/remove_router_interface", {"subnet_id": subnet})
    api.do("alice", "DELETE", f"/v2.0/routers/{router}")
    assert api.do("alice", "GET", ALICE) == made
    api.do("alice", "DELETE", f"/v2.0/networks/{made['id']}")
    again = api.do("alice", "GET", ALICE)
    assert again["id"] != made["id"]
    api.do("alice", "DELETE", ALICE)
    assert used(api) == {}


def test_who_may_only_read_looks_and_makes_nothing(api: Api) -> None:
    refused(api, 403, "PolicyNotAuthorized", "GET", ALICE, persona="rita")
    assert api.do("rita", "GET", f"{ALICE}?fields=dry-run")["id"] == "dry-run=pass"
    made = api.do("alice", "GET", ALICE)
    assert api.do("rita", "GET", ALICE) == made
    refused(api, 403, "PolicyNotAuthorized", "DELETE", ALICE, persona="rita")


def test_an_administrator_has_it_made_for_others_but_not_for_a_name(api: Api) -> None:
    """The stock command sends --project as it was typed."""
    other = "b" * 32
    assert api.do("admin", "GET", f"/v2.0/auto-allocated-topology/{other}")["project_id"] == other
    for odd in ("bob", "x" * 65, "p%20x", "p%00"):
        refused(api, 404, "HTTPNotFound", "GET", f"/v2.0/auto-allocated-topology/{odd}", persona="admin")
    assert used(api, "bob") == {}
    made = api.do("bob", "GET", BOB)
    assert api.do("admin", "GET", BOB) == made
    for method in ("GET", "DELETE"):
        assert api.call("nobody", method, "/v2.0/auto-allocated-topology/None")[0] in (403, 404)


def test_there_is_one_default_way_out(make_api: Callable[..., Api]) -> None:
    api = make_api()
    outside = {"router:external": True}
    first, second = (api.network("admin", **outside, is_default=default) for default in (True, False))
    assert (first["is_default"], second["is_default"]) == (True, False)
    assert "is_default" not in api.network("alice")
    assert "is_default" not in api.network("admin", is_default=True), "of an internal network it says nothing"
    body, another = {"network": {"is_default": True}}, {"network": {"is_default": True, **outside}}
    refused(api, 409, "DefaultExternalNetworkExists", "POST", "/v2.0/networks", another, persona="admin")
    one, two = (f"/v2.0/networks/{net['id']}" for net in (first, second))
    refused(api, 409, "DefaultExternalNetworkExists", "PUT", two, body, persona="admin")
    assert api.do("admin", "PUT", one, body)["is_default"] is True
    assert [net["id"] for net in api.do("admin", "GET", "/v2.0/networks?is_default=true")] == [first["id"]]
    api.do("admin", "PUT", one, {"network": {"router:external": False}})
    assert api.do("admin", "PUT", two, body)["is_default"] is True
    assert api.do("admin", "PUT", one, {"network": outside})["is_default"] is False
    assert api.do("admin", "PUT", two, {"network": {"is_default": False}})["is_default"] is False
    refused(api, 403, "PolicyNotAuthorized", "POST", "/v2.0/networks", body)
