"""/v2.0/security-groups and /v2.0/security-group-rules"""

from __future__ import annotations

from typing import Any

import pytest

from iaas.db.schema.network import security_groups
from tests.api.network.conftest import Api


def make_rule(api: Api, group: str, persona: str = "alice", **values: Any) -> tuple[int, Any]:
    body = {"security_group_id": group, "direction": "ingress", **values}
    return api.call(persona, "POST", "/v2.0/security-group-rules", {"security_group_rule": body})


@pytest.fixture
def group(api: Api) -> str:
    made = api.do("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "web"}})
    return str(made["id"])


def test_a_new_group_lets_everything_out_and_nothing_in(api: Api, group: str) -> None:
    shown = api.do("alice", "GET", f"/v2.0/security-groups/{group}")
    rules = {(rule["direction"], rule["ethertype"]) for rule in shown["security_group_rules"]}
    assert rules == {("egress", "IPv4"), ("egress", "IPv6")}


def test_the_default_group_exists_from_the_first_look_and_lets_members_talk(api: Api) -> None:
    [default] = api.do("alice", "GET", "/v2.0/security-groups")
    assert default["name"] == "default"
    inward = [rule for rule in default["security_group_rules"] if rule["direction"] == "ingress"]
    assert {rule["remote_group_id"] for rule in inward} == {default["id"]}
    assert len(default["security_group_rules"]) == 4
    assert len(api.do("alice", "GET", "/v2.0/security-groups")) == 1


def test_listing_the_groups_of_an_invented_project_makes_none_s089(api: Api) -> None:
    api.do("admin", "GET", "/v2.0/security-groups")
    for persona in ("admin", "alice", "rita", "nobody"):
        api.call(persona, "GET", "/v2.0/security-groups?project_id=invented&tenant_id=invented2")
    with api.database.read() as tx:
        owners = {row.project_id for row in tx.all(security_groups.select())}
    assert owners == {"p-admin", "p-alice"}


def test_the_default_group_keeps_its_name_and_stays(api: Api) -> None:
    [default] = api.do("alice", "GET", "/v2.0/security-groups")
    path = f"/v2.0/security-groups/{default['id']}"
    assert api.call("alice", "DELETE", path)[0] == 409
    assert api.call("alice", "PUT", path, {"security_group": {"name": "mine"}})[0] == 409
    status, answer = api.call("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "default"}})
    assert (status, answer["NeutronError"]["type"]) == (409, "SecurityGroupDefaultAlreadyExists")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"protocol": "TCP", "port_range_min": 22, "port_range_max": 22}, {"protocol": "tcp"}),
        ({"protocol": 6, "port_range_min": "80", "port_range_max": "90"}, {"protocol": "6", "port_range_max": 90}),
        ({"remote_ip_prefix": "10.0.0.7/24"}, {"remote_ip_prefix": "10.0.0.0/24"}),
        ({"remote_ip_prefix": "10.0.0.7"}, {"remote_ip_prefix": "10.0.0.7/32"}),
        ({"protocol": "any"}, {"protocol": None}),
        ({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}, {"port_range_max": 0}),
        ({"protocol": "icmp", "port_range_min": -1, "port_range_max": -1}, {"port_range_min": None}),
        ({"ethertype": "IPv6", "protocol": "ipv6-icmp"}, {"ethertype": "IPv6"}),
        ({"protocol": "vrrp"}, {"protocol": "vrrp"}),
    ],
)
def test_odd_rules_get_a_normal_form_s079(api: Api, group: str, given: Any, kept: Any) -> None:
    status, answer = make_rule(api, group, **given)
    assert status == 201, answer
    rule = answer["security_group_rule"]
    assert {name: rule[name] for name in kept} == kept


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"protocol": "teleport"}, "SecurityGroupRuleInvalidProtocol"),
        ({"protocol": "256"}, None),
        ({"port_range_min": 22, "port_range_max": 22}, "SecurityGroupProtocolRequiredWithPorts"),
        ({"protocol": "vrrp", "port_range_min": 1, "port_range_max": 2}, "SecurityGroupInvalidProtocolForPortRange"),
        ({"protocol": "tcp", "port_range_min": 90, "port_range_max": 80}, "SecurityGroupInvalidPortRange"),
        ({"protocol": "tcp", "port_range_min": 90}, "SecurityGroupInvalidPortRange"),
        ({"protocol": "tcp", "port_range_min": 0, "port_range_max": 80}, "SecurityGroupInvalidPortValue"),
        ({"protocol": "icmp", "port_range_min": 256}, "SecurityGroupInvalidIcmpValue"),
        ({"protocol": "icmp", "port_range_max": 1}, "SecurityGroupMissingIcmpType"),
        ({"remote_ip_prefix": "10.0.0.0/33"}, None),
        ({"remote_ip_prefix": "::/0"}, "SecurityGroupRuleParameterConflict"),
        ({"remote_ip_prefix": "0.0.0.0/0", "ethertype": "IPv6"}, "SecurityGroupRuleParameterConflict"),
        ({"protocol": "ipv6-icmp"}, "SecurityGroupEthertypeConflictWithProtocol"),
        ({"direction": "sideways"}, None),
        ({"ethertype": "IPX"}, None),
        ({"port_range_min": 2**40}, None),
    ],
)
def test_senseless_rules_are_refused_s079(api: Api, group: str, given: Any, kind: str | None) -> None:
    status, answer = make_rule(api, group, **given)
    assert status == 400, answer
    assert kind is None or answer["NeutronError"]["type"] == kind


def test_the_same_rule_in_other_words_is_there_already(api: Api, group: str) -> None:
    assert make_rule(api, group, protocol="tcp", port_range_min=22, port_range_max=22)[0] == 201
    for again in (
        {"protocol": "6", "port_range_min": 22, "port_range_max": 22},
        {"protocol": "TCP", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "0.0.0.0/0"},
    ):
        status, answer = make_rule(api, group, **again)
        assert (status, answer["NeutronError"]["type"]) == (409, "SecurityGroupRuleExists")


def test_rules_never_name_a_foreign_group_s054(api: Api, group: str) -> None:
    [foreign] = api.do("bob", "GET", "/v2.0/security-groups")
    assert make_rule(api, group, remote_group_id=foreign["id"])[0] == 404
    assert make_rule(api, foreign["id"])[0] == 404
    assert api.call("alice", "GET", f"/v2.0/security-groups/{foreign['id']}")[0] == 404
    rule = foreign["security_group_rules"][0]["id"]
    assert api.call("alice", "DELETE", f"/v2.0/security-group-rules/{rule}")[0] == 404


def test_a_group_in_use_stays_and_an_unused_one_takes_the_rules_about_it_along(api: Api, group: str) -> None:
    [default] = [g for g in api.do("alice", "GET", "/v2.0/security-groups") if g["name"] == "default"]
    status, answer = make_rule(api, default["id"], remote_group_id=group, protocol="tcp")
    assert status == 201, answer
    net = api.network()
    port = api.port(net["id"], security_groups=[group])
    status, answer = api.call("alice", "DELETE", f"/v2.0/security-groups/{group}")
    assert (status, answer["NeutronError"]["type"]) == (409, "SecurityGroupInUse")
    api.do("alice", "DELETE", f"/v2.0/ports/{port['id']}")
    api.do("alice", "DELETE", f"/v2.0/security-groups/{group}")
    assert len(api.do("alice", "GET", "/v2.0/security-group-rules")) == 4
    used = api.do("alice", "GET", "/v2.0/quotas/p-alice/details")
    assert (used["security_group"]["used"], used["security_group_rule"]["used"]) == (1, 4)


def test_rules_and_groups_have_quotas_s080(make_api: Any) -> None:
    api = make_api(security_groups=2, security_group_rules=7)
    group = api.do("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "web"}})["id"]
    status, answer = api.call("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "db"}})
    assert (status, answer["NeutronError"]["type"]) == (409, "OverQuota")
    assert make_rule(api, group, protocol="tcp")[0] == 201
    assert make_rule(api, group, protocol="udp")[0] == 409


def test_a_rule_change_rings_only_the_hosts_of_the_group(api: Api, group: str) -> None:
    net = api.network()
    api.subnet(net["id"])
    port = api.port(net["id"], security_groups=[group])
    api.do("admin", "PUT", f"/v2.0/ports/{port['id']}", {"port": {"binding:host_id": "h5"}})
    api.rung.clear()
    status, answer = make_rule(api, group, protocol="tcp")
    assert status == 201
    assert api.rung == ["h5"]
    api.rung.clear()
    api.do("alice", "DELETE", f"/v2.0/security-group-rules/{answer['security_group_rule']['id']}")
    assert api.rung == ["h5"]


def test_rules_are_created_in_bulk_and_listed_by_attribute(api: Api, group: str) -> None:
    items = [{"security_group_id": group, "direction": "ingress", "protocol": p} for p in ("tcp", "udp", "icmp")]
    made = api.do("alice", "POST", "/v2.0/security-group-rules", {"security_group_rules": items})
    assert len(made) == 3
    found = api.do("alice", "GET", f"/v2.0/security-group-rules?security_group_id={group}&protocol=tcp&protocol=udp")
    assert {rule["protocol"] for rule in found} == {"tcp", "udp"}
    found = api.do("alice", "GET", f"/v2.0/security-group-rules?security_group_id={group}&ethertype=ipv6")
    assert [rule["direction"] for rule in found] == ["egress"]
