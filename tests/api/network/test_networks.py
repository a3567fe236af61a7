"""/v2.0/networks: bodies, faults and who may set what."""

from __future__ import annotations

import pytest

from tests.api.network.conftest import Api


def test_a_network_is_created_changed_and_deleted(api: Api) -> None:
    net = api.network(name="blue", description="d")
    assert (net["name"], net["status"], net["mtu"], net["subnets"]) == ("blue", "ACTIVE", 1450, [])
    assert net["tenant_id"] == net["project_id"] == "p-alice"
    path = f"/v2.0/networks/{net['id']}"
    changed = api.do("alice", "PUT", path, {"network": {"name": "green", "admin_state_up": False}})
    assert (changed["name"], changed["admin_state_up"]) == ("green", False)
    assert changed["revision_number"] > net["revision_number"]
    api.do("alice", "DELETE", path)
    status, body = api.call("alice", "GET", path)
    assert status == 404
    assert body["NeutronError"]["type"] == "NetworkNotFound"
    assert body["NeutronError"]["detail"] == ""


def test_many_networks_are_created_together_or_not_at_all(make_api) -> None:  # type: ignore[no-untyped-def]
    api = make_api(networks=2)
    items = [{"name": name} for name in ("a", "b", "c")]
    status, body = api.call("alice", "POST", "/v2.0/networks", {"networks": items})
    assert (status, body["NeutronError"]["type"]) == (409, "OverQuota")
    assert api.do("alice", "GET", "/v2.0/networks") == []
    made = api.do("alice", "POST", "/v2.0/networks", {"networks": items[:2]})
    assert [net["name"] for net in made] == ["a", "b"]


def test_a_flat_network_takes_its_physical_network_for_itself(api: Api) -> None:
    body = {"provider:network_type": "flat", "provider:physical_network": "physnet1"}
    net = api.network("admin", **body)
    assert (net["provider:network_type"], net["provider:physical_network"]) == ("flat", "physnet1")
    status, answer = api.call("admin", "POST", "/v2.0/networks", {"network": body})
    assert (status, answer["NeutronError"]["type"]) == (409, "FlatNetworkInUse")
    api.do("admin", "DELETE", f"/v2.0/networks/{net['id']}")
    api.network("admin", **body)


@pytest.mark.parametrize(
    "body",
    [
        {"provider:network_type": "flat"},
        {"provider:network_type": "flat", "provider:physical_network": "elsewhere"},
        {"provider:network_type": "flat", "provider:physical_network": "physnet1", "provider:segmentation_id": 4},
        {"provider:network_type": "local", "provider:physical_network": "physnet1"},
        {"provider:network_type": "teleport"},
        {"mtu": 9000},
        {"mtu": 10},
        {"mtu": "wide"},
        {"admin_state_up": "perhaps"},
        {"name": "x" * 256},
        {"availability_zone_hints": ["moon"]},
        {"id": "00000000-0000-0000-0000-000000000000"},
        {"status": "DOWN"},
        {"revision_number": 7},
        {"created_at": "2026-01-01T00:00:00Z"},
        {"project_id": "p-admin", "tenant_id": "p-alice"},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(api: Api, body: dict[str, object]) -> None:
    status, answer = api.call("admin", "POST", "/v2.0/networks", {"network": body})
    assert status == 400, answer
    assert set(answer["NeutronError"]) == {"type", "message", "detail"}
    assert api.do("admin", "GET", "/v2.0/networks") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shared", True),
        ("router:external", True),
        ("provider:network_type", "local"),
        ("provider:physical_network", None),
        ("provider:segmentation_id", None),
    ],
)
def test_what_is_the_operators_cannot_be_set_by_a_member_s056(api: Api, name: str, value: object) -> None:
    status, answer = api.call("alice", "POST", "/v2.0/networks", {"network": {name: value}})
    assert (status, answer["NeutronError"]["type"]) == (403, "PolicyNotAuthorized")
    net = api.network()
    for reset in (value, False):  # resetting to the default is a change as well
        if name.startswith("provider:") and reset is False:
            continue
        status, _ = api.call("alice", "PUT", f"/v2.0/networks/{net['id']}", {"network": {name: reset}})
        assert status == 403
    assert api.do("admin", "GET", f"/v2.0/networks/{net['id']}")["revision_number"] == net["revision_number"]


def test_a_member_may_spell_out_the_defaults(api: Api) -> None:
    net = api.network(**{"shared": False, "router:external": False, "port_security_enabled": True})
    assert net["shared"] is False


def test_provider_attributes_are_shown_to_administrators_only(api: Api) -> None:
    net = api.network()
    assert not [name for name in net if name.startswith("provider:")]
    shown = api.do("admin", "GET", f"/v2.0/networks/{net['id']}")
    assert (shown["provider:network_type"], shown["provider:physical_network"]) == ("vxlan", None)
    assert 1001 <= shown["provider:segmentation_id"] <= 65535


def test_a_network_is_created_for_another_project_by_an_administrator_only(api: Api) -> None:
    assert api.network("admin", project_id="p-bob")["project_id"] == "p-bob"
    status, _ = api.call("alice", "POST", "/v2.0/networks", {"network": {"project_id": "p-bob"}})
    assert status == 403
    status, _ = api.call("nobody", "POST", "/v2.0/networks", {"network": {}})
    assert status == 403


def test_a_network_with_ports_stays(api: Api) -> None:
    net = api.network()
    api.subnet(net["id"])
    port = api.port(net["id"])
    status, answer = api.call("alice", "DELETE", f"/v2.0/networks/{net['id']}")
    assert (status, answer["NeutronError"]["type"]) == (409, "NetworkInUse")
    api.do("alice", "DELETE", f"/v2.0/ports/{port['id']}")
    api.do("alice", "DELETE", f"/v2.0/networks/{net['id']}")  # with its subnet and DHCP server
    assert api.do("admin", "GET", "/v2.0/ports") == []
    assert api.do("admin", "GET", "/v2.0/subnets") == []


def test_sharing_ends_only_when_no_other_project_uses_the_network(api: Api) -> None:
    net = api.network("admin", shared=True)
    api.subnet(net["id"], "admin")
    port = api.port(net["id"], "bob")
    change = {"network": {"shared": False}}
    status, answer = api.call("admin", "PUT", f"/v2.0/networks/{net['id']}", change)
    assert (status, answer["NeutronError"]["type"]) == (409, "InvalidSharedSetting")
    api.do("bob", "DELETE", f"/v2.0/ports/{port['id']}")
    assert api.do("admin", "PUT", f"/v2.0/networks/{net['id']}", change)["shared"] is False


def test_conntrack_zones_are_unique_s081(api: Api) -> None:
    for _ in range(5):
        api.network()
    with api.database.read() as tx:
        from iaas.db.network import networks
        from iaas.db.network.listing import Query
        from tests.api.network.conftest import context_of

        found, _ = networks.listed(tx, context_of("admin"), Query())
    zones = {net.zone for net in found}
    assert len(zones) == 5
    assert all(1 <= zone <= 65535 for zone in zones)


def test_tags_are_set_read_and_used_as_filters(api: Api) -> None:
    red, blue = api.network(name="red"), api.network(name="blue")
    path = f"/v2.0/networks/{red['id']}/tags"
    assert api.do("alice", "PUT", path, {"tags": ["x", "y", "x"]}) == ["x", "y"]
    assert api.call("alice", "PUT", f"/v2.0/networks/{blue['id']}/tags/y")[0] == 201
    names = {
        query: sorted(net["name"] for net in api.do("alice", "GET", f"/v2.0/networks?{query}"))
        for query in ("tags=x,y", "tags-any=x,y", "not-tags=x", "not-tags-any=x,y")
    }
    assert names == {
        "tags=x,y": ["red"], "tags-any=x,y": ["blue", "red"], "not-tags=x": ["blue"], "not-tags-any=x,y": [],
    }  # fmt: skip
    assert api.call("alice", "GET", f"{path}/x")[0] == 204
    assert api.call("alice", "DELETE", f"{path}/x")[0] == 204
    assert api.call("alice", "GET", f"{path}/x")[0] == 404
    assert api.call("bob", "PUT", path, {"tags": ["z"]})[0] == 404
    assert api.call("rita", "PUT", path, {"tags": ["z"]})[0] == 403  # S-062
    api.do("alice", "DELETE", path)
    assert api.do("alice", "GET", path) == []


def test_the_number_of_tags_is_bounded_in_total_s120(api: Api) -> None:
    net = api.network()
    path = f"/v2.0/networks/{net['id']}/tags"
    api.do("alice", "PUT", path, {"tags": [f"t{n}" for n in range(50)]})
    assert api.call("alice", "PUT", f"{path}/one-more")[0] == 400
    assert len(api.do("alice", "GET", path)) == 50
    assert api.call("alice", "PUT", path, {"tags": ["x" * 61]})[0] == 400
    assert api.call("alice", "PUT", path, {"tags": ["a,b"]})[0] == 400


def test_numbers_may_come_as_text_as_the_stock_client_sends_them(api: Api) -> None:
    provider = {"provider:network_type": "vlan", "provider:physical_network": "physnet1"}
    made = api.network("admin", mtu="1400", **provider, **{"provider:segmentation_id": "100"})
    assert (made["mtu"], made["provider:segmentation_id"]) == (1400, 100)
    assert api.do("admin", "PUT", f"/v2.0/networks/{made['id']}", {"network": {"mtu": "1300"}})["mtu"] == 1300
    for wrong in ("", "-1", "1e3", "999999999", "1 ", "\u0661"):
        body = {"network": {**provider, "provider:segmentation_id": wrong}}
        assert api.call("admin", "POST", "/v2.0/networks", body)[0] == 400, wrong
