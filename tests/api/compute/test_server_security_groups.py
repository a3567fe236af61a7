"""The security groups of a server: listed with their rules, joined, left."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.model.security_group import RuleSpec
from iaas.network import security_groups
from tests.api.compute.world import World


def group(world: World, name: str = "web", project: str = "red", *rules: RuleSpec) -> str:
    settings = world.compute.network.settings

    def write(tx: Any) -> str:
        made = security_groups.create(tx, settings, project, name, "")
        context = security_groups.Context(request_id="r", user_id="u", project_id=project, roles=("member",))
        security_groups.add_rules(tx, settings, context, project, [(made.id, rule) for rule in rules])
        return made.id

    return str(world.database.run(write))


@pytest.fixture
def server(world: World) -> str:
    return world.server(networks=[{"uuid": world.network()}])


def act(world: World, server: str, verb: str, name: str, who: str = "alice") -> int:
    return world.call(who, "POST", f"/v2.1/servers/{server}/action", {verb: {"name": name}}).status_code


def names(world: World, server: str) -> list[str]:
    listed = world.ok("alice", "GET", f"/v2.1/servers/{server}/os-security-groups")["security_groups"]
    shown = world.ok("alice", "GET", f"/v2.1/servers/{server}")["server"].get("security_groups", [])
    assert [item["name"] for item in listed] == [item["name"] for item in shown]
    return [item["name"] for item in listed]


def test_a_group_is_joined_and_left_by_name_or_id(world: World, server: str) -> None:
    id = group(world)
    assert act(world, server, "addSecurityGroup", "web") == 202
    assert act(world, server, "addSecurityGroup", id) == 202  # it is in it
    assert names(world, server) == ["default", "web"]
    assert act(world, server, "removeSecurityGroup", id) == 202
    assert act(world, server, "removeSecurityGroup", "web") == 404
    assert names(world, server) == ["default"]
    assert act(world, server, "removeSecurityGroup", "default") == 202
    assert names(world, server) == []


def test_groups_of_others_are_as_if_there_were_none(world: World, server: str) -> None:
    id = group(world, "theirs", "blue")
    assert act(world, server, "addSecurityGroup", id) == 404
    assert act(world, server, "addSecurityGroup", "theirs") == 404
    assert act(world, server, "addSecurityGroup", "nothing") == 404
    assert act(world, server, "addSecurityGroup", "default", who="bob") == 404
    assert act(world, server, "addSecurityGroup", "default", who="rita") == 403
    assert names(world, server) == ["default"]


def test_an_ambiguous_name_is_a_conflict(world: World, server: str) -> None:
    group(world)
    group(world)
    assert act(world, server, "addSecurityGroup", "web") == 409


def test_a_server_without_ports_can_join_nothing(world: World) -> None:
    group(world)
    assert act(world, world.server(networks="none", version="2.37"), "addSecurityGroup", "web") == 400


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 3}, None, {"name": "web", "more": 1}])
def test_a_malformed_request_is_refused(world: World, server: str, body: Any) -> None:
    world.refused(400, "alice", "POST", f"/v2.1/servers/{server}/action", {"addSecurityGroup": body})


def test_rules_are_shown_in_the_words_of_the_compute_api(world: World, server: str) -> None:
    remote = group(world, "db")
    group(world, "web", "red",
          RuleSpec(direction="ingress", ip_version=4, protocol="tcp", port_min=22, port_max=22),
          RuleSpec(direction="ingress", ip_version=4, protocol="udp", remote_cidr="10.0.0.0/8"),
          RuleSpec(direction="ingress", ip_version=4, protocol="icmp", remote_group_id=remote))  # fmt: skip
    assert act(world, server, "addSecurityGroup", "web") == 202
    listed = world.ok("alice", "GET", f"/v2.1/servers/{server}/os-security-groups")["security_groups"]
    rules = {rule["ip_protocol"]: rule for rule in listed[1]["rules"]}
    assert (rules["tcp"]["from_port"], rules["tcp"]["to_port"]) == (22, 22)
    assert (rules["tcp"]["ip_range"], rules["tcp"]["group"]) == ({"cidr": "0.0.0.0/0"}, {})
    assert (rules["udp"]["from_port"], rules["udp"]["to_port"]) == (1, 65535)
    assert rules["udp"]["ip_range"] == {"cidr": "10.0.0.0/8"}
    assert (rules["icmp"]["from_port"], rules["icmp"]["to_port"]) == (-1, -1)
    assert (rules["icmp"]["ip_range"], rules["icmp"]["group"]) == ({}, {"name": "db", "tenant_id": "red"})
