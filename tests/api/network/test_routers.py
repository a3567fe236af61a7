"""/v2.0/routers: what they join, where they lead, and what keeps them (A-117)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from iaas.db import services
from iaas.model.wiring import WiringReport
from iaas.network.controller import Controller
from tests.api.network.conftest import Api


def public(api: Api, cidr: str = "203.0.113.0/24", **values: Any) -> dict[str, Any]:
    """An external network of the operator's, with one subnet."""
    net = api.network("admin", name="public", **{"router:external": True}, **values)
    api.subnet(net["id"], "admin", cidr=cidr, enable_dhcp=False)
    return net


def router(api: Api, persona: str = "alice", **values: Any) -> dict[str, Any]:
    return dict(api.do(persona, "POST", "/v2.0/routers", {"router": {"name": "r", **values}}))


def private(api: Api, cidr: str = "10.0.0.0/24", persona: str = "alice", **values: Any) -> dict[str, Any]:
    """A subnet on a network of its own."""
    return api.subnet(api.network(persona)["id"], persona, cidr=cidr, **values)


def join(api: Api, router_id: str, persona: str = "alice", **what: str) -> dict[str, Any]:
    return dict(api.do(persona, "PUT", f"/v2.0/routers/{router_id}/add_router_interface", what))


def refused(api: Api, status: int, kind: str, method: str, path: str, body: Any = None, persona: str = "alice") -> None:
    got, answer = api.call(persona, method, path, body)
    assert (got, answer["NeutronError"]["type"]) == (status, kind), answer


def report(api: Api, host: str = "h1") -> None:
    """The agent has all its routers in force."""
    controller = Controller(api.database, api.settings, lambda tx, servers: None)
    wish = controller.wiring(host)
    controller.wired(
        WiringReport(host=host, wired=(), routers=tuple((item.id, item.revision) for item in wish.routers))
    )


def test_a_router_is_created_shown_listed_changed_and_deleted(api: Api) -> None:
    made = router(api, description="to the world")
    assert (made["status"], made["admin_state_up"], made["external_gateway_info"]) == ("ACTIVE", True, None)
    assert (made["routes"], made["tags"], made["project_id"]) == ([], [], "p-alice")
    path = f"/v2.0/routers/{made['id']}"
    assert api.do("alice", "GET", path) == made
    assert api.do("alice", "GET", "/v2.0/routers?name=r") == [made]
    changed = api.do("alice", "PUT", path, {"router": {"name": "edge", "admin_state_up": False}})
    assert (changed["name"], changed["admin_state_up"]) == ("edge", False)
    api.do("alice", "DELETE", path)
    refused(api, 404, "RouterNotFound", "GET", path)


def test_a_foreign_router_does_not_exist_s054(api: Api) -> None:
    path = f"/v2.0/routers/{router(api)['id']}"
    subnet = private(api, persona="bob")
    for method, url, body in (
        ("GET", path, None),
        ("PUT", path, {"router": {"name": "mine"}}),
        ("DELETE", path, None),
        ("PUT", f"{path}/add_router_interface", {"subnet_id": subnet["id"]}),
        ("PUT", f"{path}/remove_router_interface", {"subnet_id": subnet["id"]}),
        ("PUT", f"{path}/add_extraroutes", {"router": {"routes": []}}),
        ("PUT", f"{path}/remove_extraroutes", {"router": {"routes": []}}),
    ):
        refused(api, 404, "RouterNotFound", method, url, body, persona="bob")
    assert api.do("bob", "GET", "/v2.0/routers") == []
    status, _ = api.call("rita", "PUT", path, {"router": {"name": "mine"}})
    assert status == 403


def test_a_gateway_takes_an_address_of_the_external_network_and_gives_it_back(api: Api) -> None:
    net = public(api)
    made = router(api, external_gateway_info={"network_id": net["id"]})
    info = made["external_gateway_info"]
    assert (info["network_id"], info["enable_snat"]) == (net["id"], True)
    [fixed] = info["external_fixed_ips"]
    assert fixed["ip_address"].startswith("203.0.113.")
    [port] = api.do("admin", "GET", f"/v2.0/ports?device_id={made['id']}")
    assert (port["device_owner"], port["project_id"]) == ("network:router_gateway", "")
    assert api.do("alice", "GET", f"/v2.0/ports?device_id={made['id']}") == []  # it is the operator's
    refused(api, 409, "ServicePortInUse", "DELETE", f"/v2.0/ports/{port['id']}", persona="admin")
    cleared = api.do("alice", "PUT", f"/v2.0/routers/{made['id']}", {"router": {"external_gateway_info": {}}})
    assert cleared["external_gateway_info"] is None
    assert api.do("admin", "GET", f"/v2.0/ports?device_id={made['id']}") == []


def test_translation_and_addresses_of_a_gateway_are_the_operators_to_choose(api: Api) -> None:
    net = public(api)
    made = router(api)
    path = f"/v2.0/routers/{made['id']}"
    for extra in ({"enable_snat": False}, {"external_fixed_ips": [{"ip_address": "203.0.113.77"}]}):
        body = {"router": {"external_gateway_info": {"network_id": net["id"], **extra}}}
        refused(api, 403, "PolicyNotAuthorized", "PUT", path, body)
        refused(api, 403, "PolicyNotAuthorized", "POST", "/v2.0/routers", body)
        changed = api.do("admin", "PUT", path, body)
    assert changed["external_gateway_info"]["enable_snat"] is False  # as it was left
    assert [fixed["ip_address"] for fixed in changed["external_gateway_info"]["external_fixed_ips"]] == ["203.0.113.77"]


@pytest.mark.parametrize("external", [True, False])
def test_a_gateway_needs_an_external_network_with_a_subnet(api: Api, external: bool) -> None:
    net = api.network("admin", **{"router:external": external, "shared": True})
    if not external:
        api.subnet(net["id"], "admin")
    made = router(api)
    body = {"router": {"external_gateway_info": {"network_id": net["id"]}}}
    refused(api, 400, "BadRequest", "PUT", f"/v2.0/routers/{made['id']}", body)
    unknown = {"router": {"external_gateway_info": {"network_id": api.network("bob")["id"]}}}
    refused(api, 404, "NetworkNotFound", "PUT", f"/v2.0/routers/{made['id']}", unknown)


def test_an_interface_has_the_subnets_gateway_address(api: Api) -> None:
    made, subnet = router(api), private(api)
    answer = join(api, made["id"], subnet_id=subnet["id"])
    assert answer["id"] == made["id"]
    assert (answer["subnet_id"], answer["subnet_ids"], answer["network_id"]) == (
        subnet["id"], [subnet["id"]], subnet["network_id"],
    )  # fmt: skip
    port = api.do("alice", "GET", f"/v2.0/ports/{answer['port_id']}")
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.0.0.1"}]
    assert (port["device_id"], port["device_owner"]) == (made["id"], "network:router_interface")
    assert (port["security_groups"], port["port_security_enabled"]) == ([], False)
    api.do("alice", "PUT", f"/v2.0/routers/{made['id']}/remove_router_interface", {"subnet_id": subnet["id"]})
    refused(api, 404, "PortNotFound", "GET", f"/v2.0/ports/{port['id']}")
    api.do("alice", "DELETE", f"/v2.0/routers/{made['id']}")


def test_an_interface_may_be_a_port_that_there_is(api: Api) -> None:
    made, subnet = router(api), private(api)
    port = api.port(subnet["network_id"], fixed_ips=[{"ip_address": "10.0.0.9"}])
    assert join(api, made["id"], port_id=port["id"])["port_id"] == port["id"]
    refused(api, 409, "PortInUse", "PUT", f"/v2.0/routers/{router(api)['id']}/add_router_interface",
            {"port_id": port["id"]})  # fmt: skip
    refused(api, 409, "ServicePortInUse", "PUT", f"/v2.0/ports/{port['id']}", {"port": {"fixed_ips": []}})
    refused(api, 409, "ServicePortInUse", "DELETE", f"/v2.0/ports/{port['id']}")
    wrong = {"port_id": port["id"], "subnet_id": private(api, "10.7.0.0/24")["id"]}
    remove = f"/v2.0/routers/{made['id']}/remove_router_interface"
    refused(api, 409, "SubnetMismatchForPort", "PUT", remove, wrong)
    api.do("alice", "PUT", remove, {"port_id": port["id"]})
    refused(api, 404, "RouterInterfaceNotFound", "PUT", remove, {"port_id": port["id"]})
    refused(api, 404, "RouterInterfaceNotFoundForSubnet", "PUT", remove, {"subnet_id": subnet["id"]})


def test_what_a_router_can_not_join(api: Api) -> None:
    made, subnet = router(api), private(api)
    add = f"/v2.0/routers/{made['id']}/add_router_interface"
    join(api, made["id"], subnet_id=subnet["id"])
    overlapping = private(api, "10.0.0.0/25")
    without = private(api, "10.2.0.0/24", gateway_ip=None)
    bare = api.port(api.network()["id"])
    for body in (
        {},
        {"subnet_id": subnet["id"]},
        {"subnet_id": overlapping["id"]},
        {"subnet_id": without["id"]},
        {"port_id": bare["id"]},
        {"port_id": bare["id"], "subnet_id": overlapping["id"]},
    ):
        assert api.call("alice", "PUT", add, body)[0] == 400, body
    taken = private(api, "10.3.0.0/24")
    join(api, router(api)["id"], subnet_id=taken["id"])
    refused(api, 409, "IpAddressInUse", "PUT", add, {"subnet_id": taken["id"]})
    refused(api, 404, "SubnetNotFound", "PUT", add, {"subnet_id": private(api, "10.4.0.0/24", "bob")["id"]})


def test_nobody_takes_the_gateway_address_of_a_network_that_is_not_his_s056(api: Api) -> None:
    shared = api.network("admin", shared=True)
    subnet = api.subnet(shared["id"], "admin", cidr="10.6.0.0/24")
    made = router(api)
    path = f"/v2.0/routers/{made['id']}/add_router_interface"
    refused(api, 403, "PolicyNotAuthorized", "PUT", path, {"subnet_id": subnet["id"]})
    foreign = api.port(shared["id"], "bob")
    refused(api, 404, "PortNotFound", "PUT", path, {"port_id": foreign["id"]})
    join(api, made["id"], port_id=api.port(shared["id"])["id"])


def test_what_is_in_use_stays(api: Api) -> None:
    net = public(api)
    made, subnet = router(api, external_gateway_info={"network_id": net["id"]}), private(api)
    join(api, made["id"], subnet_id=subnet["id"])
    refused(api, 409, "RouterInUse", "DELETE", f"/v2.0/routers/{made['id']}")
    refused(api, 409, "SubnetInUse", "DELETE", f"/v2.0/subnets/{subnet['id']}")
    refused(api, 409, "NetworkInUse", "DELETE", f"/v2.0/networks/{subnet['network_id']}")
    refused(api, 409, "NetworkInUse", "DELETE", f"/v2.0/networks/{net['id']}", persona="admin")
    inside = {"network": {"router:external": False}}
    refused(api, 409, "ExternalNetworkInUse", "PUT", f"/v2.0/networks/{net['id']}", inside, "admin")
    moved = {"subnet": {"gateway_ip": "10.0.0.254", "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}]}}
    refused(api, 409, "GatewayIpInUse", "PUT", f"/v2.0/subnets/{subnet['id']}", moved)


def test_extra_routes_lead_to_what_the_router_reaches(api: Api) -> None:
    made, subnet = router(api), private(api)
    path = f"/v2.0/routers/{made['id']}"
    join(api, made["id"], subnet_id=subnet["id"])
    good = {"destination": "192.168.0.0/24", "nexthop": "10.0.0.7"}
    for bad in (
        {"destination": "192.168.0.0/24", "nexthop": "10.9.0.7"},
        {"destination": "192.168.0.0/24", "nexthop": "10.0.0.1"},
        {"destination": "192.168.0.1/24", "nexthop": "10.0.0.7"},
        {"destination": "fd00::/64", "nexthop": "10.0.0.7"},
        {"destination": "192.168.0.0/24"},
    ):
        assert api.call("alice", "PUT", path, {"router": {"routes": [bad]}})[0] == 400, bad
    assert api.do("alice", "PUT", path, {"router": {"routes": [good]}})["routes"] == [good]
    more = {"destination": "192.168.1.0/24", "nexthop": "10.0.0.8"}
    for _ in range(2):
        added = api.do("alice", "PUT", f"{path}/add_extraroutes", {"router": {"routes": [more]}})
        assert added["routes"] == [good, more]
    refused(api, 409, "RouterInterfaceInUseByRoute", "PUT", f"{path}/remove_router_interface",
            {"subnet_id": subnet["id"]})  # fmt: skip
    left = api.do("alice", "PUT", f"{path}/remove_extraroutes", {"router": {"routes": [more]}})
    assert left["routes"] == [good]
    assert api.do("alice", "PUT", path, {"router": {"routes": None}})["routes"] == []


def test_a_router_and_its_ports_are_active_when_their_host_says_so(api: Api) -> None:
    net, subnet = public(api), private(api)
    made = router(api, external_gateway_info={"network_id": net["id"]})
    assert made["status"] == "BUILD"
    port = join(api, made["id"], subnet_id=subnet["id"])["port_id"]
    assert "h1" in api.rung
    assert api.do("alice", "GET", f"/v2.0/ports/{port}")["status"] == "DOWN"
    report(api)
    assert api.do("alice", "GET", f"/v2.0/routers/{made['id']}")["status"] == "ACTIVE"
    assert api.do("alice", "GET", f"/v2.0/ports/{port}")["status"] == "ACTIVE"


def test_the_agent_is_given_the_whole_router(api: Api) -> None:
    net, subnet = public(api), private(api)
    made = router(api, external_gateway_info={"network_id": net["id"]})
    join(api, made["id"], subnet_id=subnet["id"])
    routes = [{"destination": "192.168.0.0/24", "nexthop": "10.0.0.7"}]
    api.do("alice", "PUT", f"/v2.0/routers/{made['id']}", {"router": {"routes": routes}})
    wish = Controller(api.database, api.settings, lambda tx, servers: None).wiring("h1")
    [wired] = wish.routers
    assert wired.id == made["id"]
    [inside] = wired.interfaces
    assert (inside.ips, inside.network_id, inside.mtu) == ((("10.0.0.1", 24),), subnet["network_id"], 1450)
    assert wired.gateway is not None
    assert (wired.gateway.network_id, wired.gateway.ips[0][1]) == (net["id"], 24)
    assert wired.next_hops == ("203.0.113.1",)
    assert wired.snat
    assert wired.routes == (("192.168.0.0/24", "10.0.0.7"),)
    assert {net["id"], subnet["network_id"]} <= {network.id for network in wish.networks}
    assert wish.ports == ()  # a router's ports are no guests'
    api.do("alice", "PUT", f"/v2.0/routers/{made['id']}", {"router": {"admin_state_up": False}})
    assert Controller(api.database, api.settings, lambda tx, servers: None).wiring("h1").routers == ()


def test_a_dead_hosts_routers_move_and_keep_their_addresses_f73(api: Api, clock: Any) -> None:
    net, subnet = public(api), private(api)
    made = router(api, external_gateway_info={"network_id": net["id"]})
    join(api, made["id"], subnet_id=subnet["id"])
    report(api)
    before = api.do("alice", "GET", f"/v2.0/routers/{made['id']}")
    controller = Controller(api.database, api.settings, lambda tx, servers: None)
    assert controller.repair() == []
    clock.advance(11)
    assert controller.repair() == []  # nobody is well
    api.database.run(lambda tx: services.touch(tx, "iaas-network", "h2", "boot", 1, 1))
    assert made["id"] in controller.repair()
    after = api.do("alice", "GET", f"/v2.0/routers/{made['id']}")
    assert (after["status"], after["external_gateway_info"]) == ("DOWN", before["external_gateway_info"])
    [agent] = api.do("admin", "GET", f"/v2.0/routers/{made['id']}/l3-agents")
    assert agent["host"] == "h2"
    report(api, "h1")  # too late
    assert api.do("alice", "GET", f"/v2.0/routers/{made['id']}")["status"] == "DOWN"
    report(api, "h2")
    assert api.do("alice", "GET", f"/v2.0/routers/{made['id']}")["status"] == "ACTIVE"


def test_routers_go_to_hosts_with_the_role(make_api: Callable[..., Api]) -> None:
    api = make_api()
    for host, roles in (("a1", ("l2", "dhcp")), ("b2", ("l2", "l3"))):
        api.database.run(lambda tx, at=(host, roles): services.touch(tx, "iaas-network", at[0], "b", 1, 1, "", at[1]))
    made, subnet = router(api), private(api)
    join(api, made["id"], subnet_id=subnet["id"])
    [agent] = api.do("admin", "GET", f"/v2.0/routers/{made['id']}/l3-agents")
    assert (agent["host"], agent["agent_type"], agent["alive"]) == ("b2", "L3 agent", True)
    [serving] = api.do("admin", "GET", f"/v2.0/networks/{subnet['network_id']}/dhcp-agents")
    assert (serving["host"], serving["agent_type"]) == ("a1", "DHCP agent")
    [listed] = api.do("admin", "GET", f"/v2.0/agents/{agent['id']}/l3-routers")
    assert listed["id"] == made["id"]
    [listed] = api.do("admin", "GET", f"/v2.0/agents/{serving['id']}/dhcp-networks")
    assert listed["id"] == subnet["network_id"]
    assert api.do("admin", "GET", f"/v2.0/agents/{serving['id']}/l3-routers") == []
    for path in (f"routers/{made['id']}/l3-agents", f"agents/{agent['id']}/l3-routers"):
        assert api.call("alice", "GET", f"/v2.0/{path}")[0] == 403


def test_a_router_made_before_any_agent_gets_its_host_later(make_api: Callable[..., Api]) -> None:
    api = make_api()
    made, subnet = router(api), private(api)
    join(api, made["id"], subnet_id=subnet["id"])
    assert api.do("alice", "GET", f"/v2.0/routers/{made['id']}")["status"] == "DOWN"
    api.database.run(lambda tx: services.touch(tx, "iaas-network", "h9", "boot", 1, 1))
    assert made["id"] in Controller(api.database, api.settings, lambda tx, servers: None).repair()
    report(api, "h9")
    assert api.do("alice", "GET", f"/v2.0/routers/{made['id']}")["status"] == "ACTIVE"


def test_the_quota_of_routers_says_its_limit_and_use(make_api: Callable[..., Api]) -> None:
    api = make_api(routers=1)
    first = router(api)
    status, answer = api.call("alice", "POST", "/v2.0/routers", {"router": {}})
    assert (status, answer["NeutronError"]["type"]) == (409, "OverQuota")
    assert "['router']" in answer["NeutronError"]["message"]
    assert "limit is 1" in answer["NeutronError"]["message"]
    api.do("alice", "DELETE", f"/v2.0/routers/{first['id']}")
    router(api)


def test_bulk_creation_is_all_or_nothing(make_api: Callable[..., Api]) -> None:
    api = make_api(routers=2)
    three = {"routers": [{"name": str(number)} for number in range(3)]}
    assert api.call("alice", "POST", "/v2.0/routers", three)[0] == 409
    assert api.do("alice", "GET", "/v2.0/routers") == []
    assert len(api.do("alice", "POST", "/v2.0/routers", {"routers": three["routers"][:2]})) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"ha": True},
        {"distributed": True},
        {"name": 7},
        {"status": "DOWN"},
        {"external_gateway_info": {"enable_snat": True}},
        {"external_gateway_info": "public"},
        {"availability_zone_hints": ["moon"]},
        {"flavor_id": "x"},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(api: Api, body: dict[str, Any]) -> None:
    assert api.call("admin", "POST", "/v2.0/routers", {"router": body})[0] == 400


def test_a_port_of_a_router_that_is_down_by_will_is_not_wired_and_the_rest_is(api: Api) -> None:
    net, subnet = public(api), private(api)
    made = router(api, external_gateway_info={"network_id": net["id"]})
    port = f"/v2.0/ports/{join(api, made['id'], subnet_id=subnet['id'])['port_id']}"
    report(api)
    api.do("alice", "PUT", port, {"port": {"admin_state_up": False}})
    [wired] = Controller(api.database, api.settings, lambda tx, servers: None).wiring("h1").routers
    assert (wired.interfaces, wired.gateway is not None) == ((), True)
    api.do("alice", "PUT", port, {"port": {"admin_state_up": True}})
    assert api.do("alice", "GET", port)["status"] == "DOWN"
    report(api)
    assert api.do("alice", "GET", port)["status"] == "ACTIVE"


def test_lists_cost_the_same_for_few_and_for_many(api: Api) -> None:
    net = public(api)
    statements: list[str] = []
    event.listen(api.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def fill(number: int) -> None:
        for _ in range(number):
            router(api, external_gateway_info={"network_id": net["id"]})
            api.do("alice", "POST", "/v2.0/floatingips", {"floatingip": {"floating_network_id": net["id"]}})

    def cost() -> int:
        statements.clear()
        assert api.do("alice", "GET", "/v2.0/routers")
        assert api.do("alice", "GET", "/v2.0/floatingips")
        return len(statements)

    fill(1)
    few = cost()
    fill(4)
    assert cost() == few
