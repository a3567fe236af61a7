"""What all lists of the network API share: visibility, filters, order, pages, fields."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.network.conftest import ROUTES, Api

COLLECTIONS = ("networks", "subnets", "ports", "security-groups", "security-group-rules")


def names(found: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in found]


def test_own_shared_and_external_networks_are_seen_and_no_others(api: Api) -> None:
    api.network("alice", name="own")
    api.network("bob", name="foreign")
    api.network("admin", name="shared", shared=True)
    api.network("admin", name="outside", **{"router:external": True})
    assert sorted(names(api.do("alice", "GET", "/v2.0/networks"))) == ["outside", "own", "shared"]
    assert len(api.do("admin", "GET", "/v2.0/networks")) == 4
    assert api.call("nobody", "GET", "/v2.0/networks")[0] == 403  # a token without a project


def test_filters_on_the_project_never_widen_what_is_seen_s055(api: Api) -> None:
    net = api.network("bob")
    api.subnet(net["id"], "bob")
    api.port(net["id"], "bob")
    api.do("bob", "GET", "/v2.0/security-groups")
    for collection in COLLECTIONS:
        for query in ("project_id=p-bob", "tenant_id=p-bob", "all_tenants=1", "project_id=p-bob&project_id=p-alice"):
            found = api.do("alice", "GET", f"/v2.0/{collection}?{query}")
            assert all(item["project_id"] == "p-alice" for item in found)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_foreign_object_looks_like_none_s053(api: Api, method: str) -> None:
    net = api.network("bob")
    subnet = api.subnet(net["id"], "bob")
    port = api.port(net["id"], "bob")
    net = api.do("bob", "GET", f"/v2.0/networks/{net['id']}")
    [group] = api.do("bob", "GET", "/v2.0/security-groups")
    bodies = {"networks": ("network", net), "subnets": ("subnet", subnet), "ports": ("port", port),
              "security-groups": ("security_group", group)}  # fmt: skip
    for collection, (key, thing) in bodies.items():
        body = {key: {"name": "mine now"}} if method == "PUT" else None
        answers = []
        for id in (thing["id"], "7d0a0b9e-0000-4000-8000-000000000000"):
            status, answer = api.call("alice", method, f"/v2.0/{collection}/{id}", body)
            assert status == 404
            answers.append(str(answer).replace(id, "ID"))
        assert answers[0] == answers[1]
        assert api.do("bob", "GET", f"/v2.0/{collection}/{thing['id']}") == thing


def test_a_reader_reads_and_writes_nothing_s062(api: Api) -> None:
    net = api.network()
    assert names(api.do("rita", "GET", "/v2.0/networks")) == ["net"]
    writing = [route for route in ROUTES if route.method != "GET"]
    assert len(writing) > 20
    for route in writing:
        path = route.path.replace("<id>", net["id"]).replace("<tag>", "t").replace("<project_id>", "p-alice")
        assert api.call("rita", route.method, path, {})[0] == 403, route


def test_every_route_needs_a_token_but_the_version_documents(api: Api) -> None:
    for route in ROUTES:
        path = route.path.replace("<id>", "x").replace("<tag>", "t").replace("<project_id>", "p")
        status, answer = api.call(None, route.method, path.replace("<alias>", "agent"), {})
        assert status == (200 if route.public else 401), (route, answer)


def test_repeated_filters_mean_any_of_them_and_kinds_are_checked(api: Api) -> None:
    for name in ("a", "b", "c"):
        api.network(name=name, admin_state_up=name != "c")
    assert sorted(names(api.do("alice", "GET", "/v2.0/networks?name=a&name=b"))) == ["a", "b"]
    assert names(api.do("alice", "GET", "/v2.0/networks?admin_state_up=False")) == ["c"]
    assert api.do("alice", "GET", "/v2.0/networks?name=") == []
    assert len(api.do("alice", "GET", "/v2.0/networks?no_such_attribute=1")) == 3
    assert api.call("alice", "GET", "/v2.0/networks?admin_state_up=maybe")[0] == 400
    assert api.call("alice", "GET", "/v2.0/networks?mtu=wide")[0] == 400
    assert api.call("alice", "GET", "/v2.0/networks?name=a%00b")[0] == 400
    assert api.call("alice", "GET", "/v2.0/networks?created_at=0001-01-01T00:00:00%2B23:59")[0] == 400
    assert api.do("alice", "GET", "/v2.0/networks?name=%25' OR 1=1 --") == []  # S-115


def test_hidden_attributes_are_no_oracle_s113(api: Api) -> None:
    net = api.network()
    api.subnet(net["id"])
    port = api.port(net["id"])
    api.do("admin", "PUT", f"/v2.0/ports/{port['id']}", {"port": {"binding:host_id": "h1"}})
    assert len(api.do("admin", "GET", "/v2.0/ports?binding:host_id=nowhere")) == 0
    assert len(api.do("alice", "GET", "/v2.0/ports?binding:host_id=nowhere")) == 2
    assert api.call("alice", "GET", "/v2.0/ports?sort_key=binding:host_id")[0] == 400
    assert api.call("alice", "GET", "/v2.0/networks?sort_key=provider:physical_network")[0] == 400
    assert api.call("alice", "GET", "/v2.0/networks?sort_key=zone")[0] == 400


def test_pages_follow_each_other_to_the_end(api: Api) -> None:
    for n in range(7):
        api.network(name=f"n{n % 3}")
    seen, path = [], "/v2.0/networks?limit=3&sort_key=name&sort_dir=desc"
    while path:
        _, body = api.call("alice", "GET", path)
        seen += body["networks"]
        assert len(body["networks"]) <= 3
        link = next(iter(body.get("networks_links", [])), None)
        path = f"{urlsplit(link['href']).path}?{urlsplit(link['href']).query}" if link else ""
    assert names(seen) == ["n2", "n2", "n1", "n1", "n0", "n0", "n0"]
    assert len({net["id"] for net in seen}) == 7


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "limit=1e3", "sort_key=secret", "sort_key=name&sort_dir=up"])
def test_odd_pages_are_refused_s113(api: Api, query: str) -> None:
    for collection in COLLECTIONS:
        assert api.call("alice", "GET", f"/v2.0/{collection}?{query}")[0] == 400


def test_a_foreign_marker_is_as_unknown_as_a_bogus_one_s113(api: Api) -> None:
    foreign = api.network("bob")
    for marker in (foreign["id"], "bogus"):
        assert api.call("alice", "GET", f"/v2.0/networks?marker={marker}")[0] == 400


def test_only_the_fields_asked_for_are_answered(api: Api) -> None:
    net = api.network()
    [shown] = api.do("alice", "GET", "/v2.0/networks?fields=id&fields=name&fields=nonsense")
    assert shown == {"id": net["id"], "name": "net"}
    assert api.do("alice", "GET", f"/v2.0/networks/{net['id']}?fields=name") == {"name": "net"}
    [shown] = api.do("alice", "GET", "/v2.0/networks?fields=provider:network_type")
    assert shown == {}


def test_ports_are_found_by_address_group_and_part_of_an_address(api: Api) -> None:
    net = api.network()
    subnet = api.subnet(net["id"], enable_dhcp=False)
    one = api.port(net["id"], fixed_ips=[{"ip_address": "10.0.0.17"}])
    api.port(net["id"], fixed_ips=[{"ip_address": "10.0.0.99"}], security_groups=[])

    def found(query: str) -> list[str]:
        return [port["id"] for port in api.do("alice", "GET", f"/v2.0/ports?{query}")]

    assert found("fixed_ips=ip_address=10.0.0.17") == [one["id"]]
    assert found("fixed_ips=ip_address_substr=0.17") == [one["id"]]
    assert found(f"fixed_ips=ip_address=10.0.0.17&fixed_ips=subnet_id={subnet['id']}") == [one["id"]]
    assert found(f"security_groups={one['security_groups'][0]}") == [one["id"]]
    assert found("fixed_ips=ip_address_substr=%25") == []
    assert api.call("alice", "GET", "/v2.0/ports?fixed_ips=colour=red")[0] == 400


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_list_costs_the_same_number_of_queries_for_one_and_for_many(api: Api, collection: str) -> None:
    from sqlalchemy import event

    def fill(count: int) -> None:
        for _ in range(count):
            net = api.network()
            api.subnet(net["id"])
            api.port(net["id"])
            api.do("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "g"}})

    statements: list[str] = []
    event.listen(api.database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def cost() -> int:
        statements.clear()
        api.do("alice", "GET", f"/v2.0/{collection}")
        return len(statements)

    fill(1)
    few = cost()
    fill(5)
    assert cost() == few


def test_extensions_are_listed_and_shown(api: Api) -> None:
    found = {item["alias"] for item in api.do("alice", "GET", "/v2.0/extensions")}
    assert {"provider", "security-group", "external-net", "port-security", "agent", "quotas"} <= found
    assert "dns-integration" not in found
    assert api.do("alice", "GET", "/v2.0/extensions/agent")["alias"] == "agent"
    assert api.call("alice", "GET", "/v2.0/extensions/dns-integration")[0] == 404
