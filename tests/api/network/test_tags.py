"""Tags of every noun that has them: the same life, bounded, and the project's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iaas.ids import new_uuid
from tests.api.network.conftest import Api
from tests.api.network.test_routers import public, router

NOUNS = ("networks", "subnets", "ports", "routers", "floatingips", "security-groups")


def floating(api: Api) -> dict[str, object]:
    body = {"floatingip": {"floating_network_id": public(api)["id"]}}
    return dict(api.do("alice", "POST", "/v2.0/floatingips", body))


def path_of(api: Api, noun: str) -> str:
    network = api.network()
    subnet = api.subnet(network["id"])
    made: dict[str, Callable[[], str]] = {
        "networks": lambda: str(network["id"]),
        "subnets": lambda: str(subnet["id"]),
        "ports": lambda: str(api.port(network["id"])["id"]),
        "routers": lambda: str(router(api)["id"]),
        "floatingips": lambda: str(floating(api)["id"]),
        "security-groups": lambda: str(
            api.do("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "web"}})["id"]
        ),
    }
    return f"/v2.0/{noun}/{made[noun]()}"


@pytest.mark.parametrize("noun", NOUNS)
def test_tags_come_and_go(api: Api, noun: str) -> None:
    path = path_of(api, noun)
    assert api.call("alice", "PUT", f"{path}/tags", {"tags": ["red", "blue", "red"]})[0] == 200
    assert api.call("alice", "PUT", f"{path}/tags/green")[0] == 201
    assert api.call("alice", "PUT", f"{path}/tags/green")[0] == 201, "twice is once"
    status, listed = api.call("rita", "GET", f"{path}/tags")
    assert (status, sorted(listed["tags"])) == (200, ["blue", "green", "red"])
    assert sorted(api.do("alice", "GET", path)["tags"]) == ["blue", "green", "red"]
    assert api.call("rita", "GET", f"{path}/tags/red")[0] == 204
    assert api.call("alice", "DELETE", f"{path}/tags/red")[0] == 204
    assert api.call("rita", "GET", f"{path}/tags/red")[0] == 404
    assert api.call("alice", "DELETE", f"{path}/tags/red")[0] == 404
    collection = path.rpartition("/")[0]
    status, found = api.call("alice", "GET", f"{collection}?tags=green,blue")
    assert (status, [len(items) for items in found.values()]) == (200, [1])
    assert api.call("alice", "DELETE", f"{path}/tags")[0] == 204
    assert api.do("alice", "GET", path)["tags"] == []


@pytest.mark.parametrize("noun", NOUNS)
def test_tags_are_the_projects_own_and_a_readers_to_read(api: Api, noun: str) -> None:
    """S-062."""
    path = path_of(api, noun)
    for method, place in (("PUT", "tags"), ("DELETE", "tags"), ("PUT", "tags/x"), ("DELETE", "tags/x")):
        body = {"tags": ["x"]} if (method, place) == ("PUT", "tags") else None
        assert api.call("rita", method, f"{path}/{place}", body)[0] == 403, (method, place)
        assert api.call("bob", method, f"{path}/{place}", body)[0] == 404, (method, place)
    assert api.call("bob", "GET", f"{path}/tags")[0] == 404
    assert api.call("bob", "GET", f"{path}/tags/x")[0] == 404


@pytest.mark.parametrize("noun", NOUNS)
def test_what_does_not_exist_has_no_tags(api: Api, noun: str) -> None:
    path = f"/v2.0/{noun}/{new_uuid()}"
    for method, place in (("GET", "tags"), ("DELETE", "tags"), ("GET", "tags/x"), ("PUT", "tags/x")):
        assert api.call("alice", method, f"{path}/{place}")[0] == 404, (method, place)


def test_other_reading_routes_answer(api: Api) -> None:
    """Zones, the caller's own quota by both names, and a single rule of a security group."""
    [zone] = api.do("alice", "GET", "/v2.0/availability_zones")
    assert zone["state"] == "available"
    for word in ("tenant", "project"):
        assert api.do("alice", "GET", f"/v2.0/quotas/{word}")[f"{word}_id"] == "p-alice"
    group = api.do("alice", "POST", "/v2.0/security-groups", {"security_group": {"name": "web"}})
    wish = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp", "port_range_min": 80}
    wish["port_range_max"] = 80
    rule = api.do("alice", "POST", "/v2.0/security-group-rules", {"security_group_rule": wish})
    assert api.do("rita", "GET", f"/v2.0/security-group-rules/{rule['id']}") == rule
    assert api.call("bob", "GET", f"/v2.0/security-group-rules/{rule['id']}")[0] == 404
