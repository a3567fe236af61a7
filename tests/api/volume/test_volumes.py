"""The volume API in process: real logic and SQLite; RPC goes nowhere."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from iaas import failpoints
from iaas.api.app import make_app
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.api.volume.dialect import DIALECT
from iaas.api.volume.rules import RULES
from iaas.clock import ManualClock
from iaas.context import Context
from iaas.db import operations, quotas, services
from iaas.db.engine import Database
from iaas.db.schema.volume import volume_types
from iaas.db.volume import volumes
from iaas.errors import Unauthenticated
from iaas.ids import new_uuid
from iaas.model.operation import OperationState
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method
from iaas.volume.service import VolumeServices

VOLUMES = "/v3/volumes"
PERSONAS = {
    "alice": ("red", ("member", "reader")),
    "rita": ("red", ("reader",)),
    "bob": ("blue", ("member", "reader")),
    "admin": ("ops", ("admin", "member", "reader")),
    "nobody": ("red", ()),
}


def authenticate(token: str) -> Context:
    if token not in PERSONAS:
        raise Unauthenticated("The request you have made requires authentication.")
    project, roles = PERSONAS[token]
    return Context(request_id="", user_id=f"user-{token}", project_id=project, roles=roles)


@dataclass
class Wire:
    rung: list[str] = field(default_factory=list)

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> None:
        self.rung.append(arguments["operation_id"])


@dataclass
class World:
    database: Database
    wire: Wire
    client: Client

    def call(
        self, who: str | None, method: str, path: str, body: Any = None, version: str | None = None
    ) -> TestResponse:
        data = None if body is None else json.dumps(body)
        headers = {"X-Auth-Token": who} if who else {}
        if version:
            headers["OpenStack-API-Version"] = f"volume {version}"
        return self.client.open(path, method=method, headers=headers, data=data)

    def ok(self, who: str, method: str, path: str, body: Any = None, version: str | None = None) -> Any:
        answer = self.call(who, method, path, body, version)
        assert answer.status_code < 300, (answer.status_code, answer.get_data(as_text=True))
        return answer.get_json(silent=True)

    def refused(self, status: int, who: str | None, method: str, path: str, body: Any = None) -> str:
        answer = self.call(who, method, path, body)
        assert answer.status_code == status, (answer.status_code, answer.get_data(as_text=True))
        (fault,) = answer.get_json().values()
        return str(fault["message"])

    def volume(self, who: str = "alice", **more: Any) -> str:
        return str(self.ok(who, "POST", VOLUMES, {"volume": {"size": 1, "name": "data", **more}})["volume"]["id"])

    def operations(self, volume: str) -> dict[str, Any]:
        with self.database.read() as tx:
            return {item.kind: item for item in operations.of_resource(tx, "volume", volume)}


@pytest.fixture
def world(database: Database) -> World:
    wire = Wire()
    service = VolumeServices(database=database, conductor=ConductorRpc(wire))
    routes = collect("iaas.api.volume")
    app = make_app(DIALECT, routes, service, Policy.of_routes(routes, RULES), authenticate)
    return World(database, wire, Client(app))


def test_a_volume_is_created_listed_and_deleted(world: World) -> None:
    made = world.ok("alice", "POST", VOLUMES, {"volume": {"size": 2, "name": "data", "metadata": {"a": "b"}}})["volume"]
    assert (made["status"], made["size"], made["volume_type"], made["metadata"]) == (
        "creating", 2, "__DEFAULT__", {"a": "b"})  # fmt: skip
    create = world.operations(made["id"])["volume.create"]
    assert (create.fence, create.state, world.wire.rung) == (1, OperationState.QUEUED, [create.id])
    world.database.run(lambda tx: volumes.finish(tx, made["id"], "create"))
    (listed,) = world.ok("alice", "GET", f"{VOLUMES}/detail")["volumes"]
    assert (listed["id"], listed["status"], listed["attachments"]) == (made["id"], "available", [])
    with world.database.read() as tx:
        assert quotas.usage(tx, "red") == {"volumes": 1, "gigabytes": 2}
    for _ in range(2):
        assert world.call("alice", "DELETE", f"{VOLUMES}/{made['id']}").status_code == 202
    assert world.ok("alice", "GET", f"{VOLUMES}/{made['id']}")["volume"]["status"] == "deleting"
    delete = world.operations(made["id"])["volume.delete"]
    assert (delete.fence, delete.deadline) == (2, None)
    world.database.run(lambda tx: volumes.finish(tx, made["id"], "delete", deleted_at=tx.now()))
    world.refused(404, "alice", "GET", f"{VOLUMES}/{made['id']}")
    world.refused(404, "alice", "DELETE", f"{VOLUMES}/{made['id']}")
    assert world.ok("alice", "GET", VOLUMES) == {"volumes": []}


def test_a_delete_takes_over_from_a_creation(world: World) -> None:
    id = world.volume()
    world.ok("alice", "DELETE", f"{VOLUMES}/{id}")
    assert world.operations(id)["volume.create"].state is OperationState.SUPERSEDED


def test_a_volume_outlives_the_api_that_died_before_the_doorbell(world: World) -> None:
    """F-01."""
    failpoints.arm("api.volume.create.before_publish=crash")
    with pytest.raises(failpoints.Crash):
        world.volume()
    (listed,) = world.ok("alice", "GET", VOLUMES)["volumes"]
    assert world.operations(listed["id"])["volume.create"].state is OperationState.QUEUED


@pytest.mark.parametrize(
    "change",
    [{"size": 0}, {"size": -1}, {"size": None}, {"size": 1.5}, {"size": "1e3"}, {"size": 2**63}, {"size": 2**21},
     {"imageRef": new_uuid()}, {"backup_id": new_uuid()},
     {"availability_zone": "moon"}, {"status": "available"}, {"project_id": "blue"},
     {"host": "h"}, {"name": "n" * 256}, {"metadata": {"k" * 256: ""}}, {"metadata": {str(n): "" for n in range(129)}}],
)  # fmt: skip
def test_a_bad_request_is_refused_and_leaves_nothing(world: World, change: dict) -> None:
    """S-056, S-108."""
    world.refused(400, "alice", "POST", VOLUMES, {"volume": {"size": 1} | change})
    assert world.ok("alice", "GET", VOLUMES) == {"volumes": []} and not world.wire.rung


def test_an_unknown_type_is_not_found(world: World) -> None:
    world.refused(404, "alice", "POST", VOLUMES, {"volume": {"size": 1, "volume_type": "fast"}})
    world.volume(volume_type="__DEFAULT__")


def test_the_quota_is_refused_in_the_published_words(world: World) -> None:
    """A-095."""
    path = "/v3/os-quota-sets/red"
    world.refused(403, "alice", "PUT", path, {"quota_set": {"volumes": 1}})
    world.ok("admin", "PUT", path, {"quota_set": {"volumes": 1, "gigabytes": 5}})
    assert "VolumeSizeExceedsAvailableQuota" in world.refused(413, "alice", "POST", VOLUMES, {"volume": {"size": 6}})
    world.volume()
    words = world.refused(413, "alice", "POST", VOLUMES, {"volume": {"size": 1}})
    assert words == "VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes'."
    usage = world.ok("alice", "GET", f"{path}?usage=True")["quota_set"]
    assert usage["gigabytes"] == {"limit": 5, "in_use": 1, "reserved": 0, "allocated": 0}
    absolute = world.ok("alice", "GET", "/v3/limits")["limits"]["absolute"]
    assert (absolute["maxTotalVolumes"], absolute["totalVolumesUsed"]) == (1, 1)
    world.refused(403, "bob", "GET", path)
    world.ok("admin", "DELETE", path)
    assert world.ok("alice", "GET", path)["quota_set"]["volumes"] == 10
    assert world.ok("alice", "GET", f"{path}/defaults")["quota_set"]["gigabytes"] == 1000


def test_others_see_nothing(world: World) -> None:
    """S-053, S-055, S-062."""
    id = world.volume()
    for method, path, body in (
        ("GET", "", None), ("PUT", "", {"volume": {"name": "x"}}), ("DELETE", "", None), ("GET", "/metadata", None),
        ("POST", "/action", {"os-extend": {"new_size": 2}}),
    ):  # fmt: skip
        other = new_uuid()
        foreign = world.refused(404, "bob", method, f"{VOLUMES}/{id}{path}", body)
        assert foreign.replace(id, "") == world.refused(404, "bob", method, f"{VOLUMES}/{other}{path}", body).replace(
            other, ""
        )
    for query in ("", "?all_tenants=1", "?project_id=red", "?all_tenants=True&project_id=red"):
        assert world.ok("bob", "GET", VOLUMES + query) == {"volumes": []}
    world.refused(400, "bob", "GET", f"/v3/red/volumes/{id}")
    world.refused(400, "bob", "GET", f"{VOLUMES}?marker={id}")
    world.ok("rita", "GET", f"{VOLUMES}/{id}")
    world.refused(403, "rita", "POST", VOLUMES, {"volume": {"size": 1}})
    world.refused(403, "rita", "DELETE", f"{VOLUMES}/{id}")
    (seen,) = world.ok("admin", "GET", f"{VOLUMES}/detail?all_tenants=1&project_id=red")["volumes"]
    assert seen["os-vol-host-attr:host"] is None
    assert "os-vol-host-attr:host" not in world.ok("alice", "GET", f"{VOLUMES}/{id}")["volume"]
    world.refused(401, None, "GET", VOLUMES)


def test_lists_are_filtered_sorted_and_paged(world: World, clock: ManualClock) -> None:
    ids = {}
    for name in ("b", "c", "a"):
        ids[name] = world.volume(name=name)
        clock.advance(1)
    world.database.run(lambda tx: volumes.finish(tx, ids["b"], "create"))

    def names(query: str) -> list[str]:
        return [item["name"] for item in world.ok("alice", "GET", f"/v3/red/volumes/detail?{query}")["volumes"]]

    assert names("") == ["a", "c", "b"]
    assert names("sort=name:asc") == ["a", "b", "c"]
    assert names("status=available") == ["b"] and names("status=creating&name=c") == ["c"]
    assert names("status=nonsense") == [] and names("offset=1") == ["c", "b"]
    path, seen = f"{VOLUMES}?limit=1&sort=name:desc", []
    while path:
        page = world.ok("alice", "GET", path)
        seen += [item["name"] for item in page["volumes"]]
        path = page["volumes_links"][0]["href"].removeprefix("http://localhost") if "volumes_links" in page else ""
    assert seen == ["c", "b", "a"]
    for bad in ("limit=-1", "sort=fence:asc", f"marker={new_uuid()}", "offset=x"):
        world.refused(400, "alice", "GET", f"{VOLUMES}?{bad}")


def test_a_volume_is_renamed_and_described(world: World) -> None:
    id = world.volume()
    shown = world.ok("alice", "PUT", f"{VOLUMES}/{id}", {"volume": {"name": "n", "description": "d"}})["volume"]
    assert (shown["name"], shown["description"]) == ("n", "d")
    path = f"{VOLUMES}/{id}/metadata"
    assert world.ok("alice", "POST", path, {"metadata": {"a": "1"}}) == {"metadata": {"a": "1"}}
    assert world.ok("alice", "PUT", f"{path}/b", {"meta": {"b": "2"}}) == {"meta": {"b": "2"}}
    assert world.ok("alice", "GET", path) == {"metadata": {"a": "1", "b": "2"}}
    world.ok("alice", "DELETE", f"{path}/a")
    world.refused(404, "alice", "DELETE", f"{path}/a")
    assert world.ok("alice", "PUT", path, {"metadata": {}}) == {"metadata": {}}


def test_administrators_reset_what_is_stuck(world: World) -> None:
    id = world.volume()
    world.refused(403, "alice", "POST", f"{VOLUMES}/{id}/action", {"os-reset_status": {"status": "error"}})
    world.ok("admin", "POST", f"{VOLUMES}/{id}/action", {"os-reset_status": {"status": "error"}})
    assert world.ok("alice", "GET", f"{VOLUMES}/{id}")["volume"]["status"] == "error"
    assert world.operations(id)["volume.create"].state is OperationState.SUPERSEDED
    words = world.refused(400, "alice", "POST", f"{VOLUMES}/{id}/action", {"os-extend": {"new_size": 2}})
    assert words == "Invalid volume: a volume that is error can't be extended."
    available = {"os-reset_status": {"status": "available"}}
    assert "no bytes" in world.refused(400, "admin", "POST", f"{VOLUMES}/{id}/action", available)
    world.ok("alice", "POST", f"{VOLUMES}/{id}/action", {"os-set_bootable": {"bootable": True}})
    assert world.ok("alice", "GET", f"{VOLUMES}/{id}")["volume"]["bootable"] == "true"
    world.ok("admin", "POST", f"{VOLUMES}/{id}/action", {"os-force_delete": {}})


def test_discovery_types_and_daemons_answer(world: World, clock: ManualClock) -> None:
    assert world.call(None, "GET", "/").status_code == 300
    (entry,) = world.call(None, "GET", "/v3/").get_json()["versions"]
    assert (entry["id"], entry["min_version"], entry["version"]) == ("v3.0", "3.0", "3.12")
    (kind,) = world.ok("alice", "GET", "/v3/red/types")["volume_types"]
    assert kind["name"] == "__DEFAULT__" and world.ok("alice", "GET", f"/v3/types/{kind['id']}")["volume_type"] == kind
    assert world.ok("alice", "GET", "/v3/types/default")["volume_type"] == kind
    world.refused(404, "alice", "GET", "/v3/types/none")
    assert world.ok("alice", "GET", "/v3/snapshots/detail") == {"snapshots": []}
    assert world.ok("alice", "GET", "/v3/os-availability-zone")["availabilityZoneInfo"][0]["zoneName"] == "nova"
    world.database.run(lambda tx: services.touch(tx, "iaas-volume", "host1", "boot", 1, 1))
    world.refused(403, "alice", "GET", "/v3/os-services")
    named = {"host": "host1", "binary": "cinder-volume"}
    world.ok("admin", "PUT", "/v3/os-services/disable-log-reason", named | {"disabled_reason": "repair"})
    (daemon,) = world.ok("admin", "GET", "/v3/os-services?binary=cinder-volume")["services"]
    assert (daemon["state"], daemon["status"], daemon["disabled_reason"]) == ("up", "disabled", "repair")
    world.ok("admin", "PUT", "/v3/os-services/enable", named)
    world.refused(404, "admin", "PUT", "/v3/os-services/enable", named | {"host": "x"})


def test_the_project_of_the_path_moves_nothing(world: World) -> None:
    """S-035: the token's project decides; an administrator may look through another's path, not create in it."""
    id = world.volume()
    world.refused(400, "bob", "GET", "/v3/red/volumes")
    world.refused(400, "bob", "POST", "/v3/red/volumes", {"volume": {"size": 1}})
    world.refused(400, "admin", "POST", "/v3/red/volumes", {"volume": {"size": 1}})
    shown = world.ok("admin", "GET", f"/v3/red/volumes/{id}")["volume"]
    assert shown["links"][0]["href"] == f"http://localhost/v3/red/volumes/{id}"
    assert world.ok("alice", "GET", f"/v3/red/volumes/{id}")["volume"]["os-vol-tenant-attr:tenant_id"] == "red"


def test_volumes_are_found_by_their_metadata(world: World) -> None:
    """Clients send the filter as Python writes a dictionary."""
    ids = [world.volume(name=name, metadata={"role": name, "a.b": "1"}) for name in ("db", "web")]
    for query, found in (
        ("{'role': 'db'}", ids[:1]), ("{'role': 'db', 'a.b': '1'}", ids[:1]), ("{'a.b': '1'}", ids),
        ("{'role': '1'}", []), ("{'ro\"le': 'db'}", []), ("{\"role') OR 1=1 --\": 'db'}", []),
    ):  # fmt: skip
        answer = world.client.get(VOLUMES, headers={"X-Auth-Token": "alice"}, query_string={"metadata": query})
        assert {item["id"] for item in answer.get_json()["volumes"]} == set(found), query
    for bad in ("{'role': ", "[1]", "{'a': 1}", "{'a': 'b'}" * 300, "(" * 1500, "__import__('os')"):
        answer = world.client.get(VOLUMES, headers={"X-Auth-Token": "alice"}, query_string={"metadata": bad})
        assert answer.status_code == 400, bad


def test_what_a_newer_version_brings_an_older_one_has_not(world: World) -> None:
    world.volume(), world.volume(size=3)
    summary = {"volume-summary": {"total_count": 2, "total_size": 4}}
    assert world.ok("alice", "GET", f"{VOLUMES}/summary", version="3.12") == summary
    assert world.ok("bob", "GET", f"{VOLUMES}/summary", version="3.12")["volume-summary"]["total_count"] == 0
    world.refused(404, "alice", "GET", f"{VOLUMES}/summary")
    assert world.ok("alice", "GET", "/v3/messages", version="3.3") == {"messages": []}
    assert len(world.ok("alice", "GET", f"{VOLUMES}?group_id=x")["volumes"]) == 2
    assert world.ok("alice", "GET", f"{VOLUMES}?group_id=x", version="3.10")["volumes"] == []
    answer = world.call("alice", "GET", VOLUMES, version="3.12")
    assert answer.headers["OpenStack-API-Version"] == "volume 3.12"
    assert world.call("alice", "GET", VOLUMES, version="3.13").status_code == 406


def test_the_largest_volume_of_a_project_is_limited(world: World) -> None:
    world.ok("admin", "PUT", "/v3/os-quota-sets/red", {"quota_set": {"per_volume_gigabytes": 2}})
    words = world.refused(413, "alice", "POST", VOLUMES, {"volume": {"size": 3}})
    assert words == "VolumeSizeExceedsLimit: Requested volume size 3G is larger than maximum allowed limit 2G."
    world.volume(size=2)
    world.refused(400, "admin", "PUT", "/v3/os-quota-sets/red", {"quota_set": {"cores": 2}})


def test_a_private_type_is_hidden_from_others(world: World, database: Database) -> None:
    """S-059."""
    row = {"id": new_uuid(), "name": "gold", "description": None, "is_public": False, "extra_specs": {}}
    database.run(lambda tx: tx.insert(volume_types, {**row, "created_at": tx.now()}))
    assert [kind["name"] for kind in world.ok("alice", "GET", "/v3/types")["volume_types"]] == ["__DEFAULT__"]
    for named in (row["id"], "gold"):
        world.refused(404, "alice", "GET", f"/v3/types/{named}")
        world.refused(404, "alice", "POST", VOLUMES, {"volume": {"size": 1, "volume_type": named}})
    assert world.ok("admin", "GET", "/v3/types/gold")["volume_type"]["is_public"] is False
    id = world.volume("admin", volume_type="gold")
    assert world.ok("admin", "GET", f"{VOLUMES}/{id}")["volume"]["volume_type"] == "gold"


def test_racing_requests_can_not_pass_the_quota_together(world: World) -> None:
    """S-107: twenty at once, one below the limit."""
    world.ok("admin", "PUT", "/v3/os-quota-sets/red", {"quota_set": {"volumes": 1}})
    with ThreadPoolExecutor(8) as pool:
        requests = [pool.submit(world.call, "alice", "POST", VOLUMES, {"volume": {"size": 1}}) for _ in range(20)]
    assert sorted(item.result().status_code for item in requests) == [202, *[413] * 19]
    with world.database.read() as tx:
        assert quotas.usage(tx, "red") == {"volumes": 1, "gigabytes": 1}


def test_every_rule_has_its_published_name_and_denies_a_stranger(world: World) -> None:
    """S-062: without a role nothing but what is anybody's."""
    for route in collect("iaas.api.volume"):
        assert route.public or (route.policy and ":" in route.policy.name)
    for path in ("/volumes", "/volumes/detail", "/types", "/os-services", "/snapshots", "/os-quota-sets/red"):
        world.refused(403, "nobody", "GET", f"/v3{path}")
