"""/v2.0/quotas, agents and how full networks are"""

from __future__ import annotations

from typing import Any

from iaas.db.network import usage
from iaas.db.quotas import usage as counters
from iaas.network.quotas import NAMES
from tests.api.network.conftest import Api


def test_limits_are_shown_changed_and_taken_back(make_api: Any) -> None:
    api = make_api(networks=7)
    assert api.do("alice", "GET", "/v2.0/quotas/p-alice")["network"] == 7
    assert api.do("admin", "PUT", "/v2.0/quotas/p-alice", {"quota": {"network": 1}})["network"] == 1
    assert api.do("alice", "GET", "/v2.0/quotas/p-alice")["network"] == 1
    assert api.do("alice", "GET", "/v2.0/quotas/p-alice/default")["network"] == 7
    [listed] = api.do("admin", "GET", "/v2.0/quotas")
    assert (listed["project_id"], listed["network"]) == ("p-alice", 1)
    api.network()
    assert api.call("alice", "POST", "/v2.0/networks", {"network": {}})[0] == 409
    low = {"quota": {"network": 0, "check_limit": True}}
    assert api.call("admin", "PUT", "/v2.0/quotas/p-alice", low)[0] == 400
    api.do("admin", "DELETE", "/v2.0/quotas/p-alice")
    assert api.do("alice", "GET", "/v2.0/quotas/p-alice")["network"] == 7


def test_members_see_their_own_quota_and_change_none(api: Api) -> None:
    assert api.call("bob", "GET", "/v2.0/quotas/p-alice")[0] == 404
    assert api.call("alice", "PUT", "/v2.0/quotas/p-alice", {"quota": {"network": 99}})[0] == 403
    assert api.call("alice", "GET", "/v2.0/quotas")[0] == 403
    for value in (-2, 2**40, "many", 1.5, True):
        assert api.call("admin", "PUT", "/v2.0/quotas/p-alice", {"quota": {"network": value}})[0] == 400
    assert api.call("admin", "PUT", "/v2.0/quotas/p-alice", {"quota": {"servers": 1}})[0] == 400


def test_the_counters_say_what_is_there_i08(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"])
    ports = [api.port(net["id"]) for _ in range(3)]
    api.do("alice", "DELETE", f"/v2.0/ports/{ports[0]['id']}")
    other = api.network()
    api.subnet(other["id"], cidr="10.3.0.0/24")
    api.do("alice", "DELETE", f"/v2.0/networks/{other['id']}")
    with api.database.read() as tx:
        counted, said = usage.counted(tx), counters(tx, "p-alice")
    assert {name: said.get(name, 0) for name in NAMES.values()} == {
        name: counted.get(("p-alice", name), 0) for name in NAMES.values()
    }
    assert said["ports"] == 2  # the DHCP server's port is the platform's
    assert subnet["network_id"] == net["id"]


def test_agents_are_alive_by_their_heartbeat(api: Api, clock: Any) -> None:
    agents = api.do("admin", "GET", "/v2.0/agents")
    assert {agent["agent_type"] for agent in agents} == {
        "Linux bridge agent", "DHCP agent", "L3 agent", "Metadata agent",
    }  # fmt: skip
    assert all(agent["alive"] and agent["host"] == "h1" for agent in agents)
    assert api.do("admin", "GET", f"/v2.0/agents/{agents[0]['id']}") == agents[0]
    clock.advance(60)
    assert not any(agent["alive"] for agent in api.do("admin", "GET", "/v2.0/agents?host=h1"))
    assert api.do("admin", "GET", "/v2.0/agents?host=elsewhere") == []
    assert api.call("alice", "GET", "/v2.0/agents")[0] == 403  # S-069


def test_how_full_networks_are_is_the_operators_to_see(api: Api) -> None:
    net = api.network()
    api.subnet(net["id"], cidr="10.0.0.0/28")
    api.port(net["id"])
    [line] = api.do("admin", "GET", "/v2.0/network-ip-availabilities")
    assert (line["total_ips"], line["used_ips"]) == (13, 2)
    assert api.do("admin", "GET", f"/v2.0/network-ip-availabilities/{net['id']}")["used_ips"] == 2
    assert api.call("alice", "GET", "/v2.0/network-ip-availabilities")[0] == 403
