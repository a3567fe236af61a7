"""Flavors, key pairs, quotas, limits, services, hypervisors, zones, extensions, versions."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from iaas.clock import ManualClock
from iaas.db import services
from tests.api.compute.world import World

ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@here"
FLAVOR = {"name": "m1.big", "ram": 2048, "vcpus": 2, "disk": 20}


def test_discovery_needs_no_token(world: World) -> None:
    (entry,) = world.ok("nobody", "GET", "/")["versions"]
    assert (entry["id"], entry["min_version"], entry["status"]) == ("v2.1", "2.1", "CURRENT")
    for path in ("/v2.1", "/v2.1/"):
        shown = world.call(None, "GET", path).get_json()["version"]
        assert shown["version"] == entry["version"]


def test_without_a_token_nothing_else_answers(world: World) -> None:
    world.refused(401, None, "GET", "/v2.1/servers")
    world.refused(401, "stranger", "GET", "/v2.1/flavors")
    world.refused(404, "alice", "GET", "/v2.1/nonsense")
    world.refused(405, "alice", "PATCH", "/v2.1/servers")
    world.refused(406, "alice", "GET", "/v2.1/servers", version="2.999")


def test_flavors_are_managed_by_administrators(world: World) -> None:
    """A-178."""
    body = {"flavor": FLAVOR | {"id": "42", "OS-FLV-EXT-DATA:ephemeral": 3, "swap": 512, "rxtx_factor": 2.0}}
    world.refused(403, "alice", "POST", "/v2.1/flavors", body)
    made = world.ok("admin", "POST", "/v2.1/flavors", body)["flavor"]
    assert (made["id"], made["ram"], made["OS-FLV-EXT-DATA:ephemeral"], made["swap"]) == ("42", 2048, 3, 512)
    world.refused(409, "admin", "POST", "/v2.1/flavors", body)
    world.refused(409, "admin", "POST", "/v2.1/flavors", {"flavor": FLAVOR | {"id": "43"}})
    auto = world.ok("admin", "POST", "/v2.1/flavors", {"flavor": FLAVOR | {"name": "auto", "id": "auto"}})["flavor"]
    assert len(auto["id"]) == 36
    assert [item["id"] for item in world.ok("alice", "GET", "/v2.1/flavors/detail?minRam=1024")["flavors"]] == sorted(
        ["42", auto["id"]]
    )
    shown = world.ok("admin", "PUT", "/v2.1/flavors/42", {"flavor": {"description": "big"}}, "2.55")["flavor"]
    assert shown["description"] == "big"
    assert world.call("admin", "DELETE", "/v2.1/flavors/42").status_code == 202
    world.refused(404, "alice", "GET", "/v2.1/flavors/42")


@pytest.mark.parametrize(
    "change",
    [{"ram": -1}, {"ram": 0}, {"ram": 2**31}, {"vcpus": "x"}, {"vcpus": 1.5}, {"disk": -1}, {"name": ""},
     {"id": "a/b"}, {"is_public": True}, {"description": "early"}, {"ram": 2**63}],
)  # fmt: skip
def test_a_bad_flavor_is_refused(world: World, change: dict) -> None:
    """S-108, S-122."""
    world.refused(400, "admin", "POST", "/v2.1/flavors", {"flavor": FLAVOR | change})


def test_flavor_pages_follow_each_other(world: World) -> None:
    for id in ("2", "3"):
        world.flavor(id)
    page = world.ok("alice", "GET", "/v2.1/flavors?limit=2")
    assert [item["id"] for item in page["flavors"]] == ["1", "2"]
    href = page["flavors_links"][0]["href"].removeprefix("http://localhost")
    assert [item["id"] for item in world.ok("alice", "GET", href)["flavors"]] == ["3"]
    down = world.ok("alice", "GET", "/v2.1/flavors?sort_key=name&sort_dir=desc")["flavors"]
    assert [item["id"] for item in down] == ["3", "2", "1"]


def test_private_flavors_are_seen_by_projects_with_access(world: World) -> None:
    """A-182, S-059."""
    world.flavor("p", is_public=False)
    world.refused(404, "alice", "GET", "/v2.1/flavors/p")
    assert [item["id"] for item in world.ok("alice", "GET", "/v2.1/flavors?is_public=false")["flavors"]] == ["1"]
    both = world.ok("admin", "GET", "/v2.1/flavors?is_public=None")["flavors"]
    assert [item["id"] for item in both] == ["1", "p"]
    path = "/v2.1/flavors/p/action"
    world.refused(403, "alice", "POST", path, {"addTenantAccess": {"tenant": "red"}})
    access = world.ok("admin", "POST", path, {"addTenantAccess": {"tenant": "red"}})["flavor_access"]
    assert access == [{"flavor_id": "p", "tenant_id": "red"}]
    world.refused(409, "admin", "POST", path, {"addTenantAccess": {"tenant": "red"}})
    assert world.ok("alice", "GET", "/v2.1/flavors/p")["flavor"]["os-flavor-access:is_public"] is False
    world.refused(404, "bob", "GET", "/v2.1/flavors/p")
    assert world.ok("admin", "GET", "/v2.1/flavors/p/os-flavor-access")["flavor_access"] == access
    world.ok("admin", "POST", path, {"removeTenantAccess": {"tenant": "red"}})
    world.refused(404, "admin", "POST", path, {"removeTenantAccess": {"tenant": "red"}})
    world.refused(404, "alice", "GET", "/v2.1/flavors/p")
    world.refused(409, "admin", "POST", "/v2.1/flavors/1/action", {"addTenantAccess": {"tenant": "red"}}, "2.7")


def test_a_private_flavor_is_nobodys_until_access_is_given(world: World) -> None:
    body = {"flavor": {"id": "q", "name": "q", "ram": 1, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": False}}
    world.ok("admin", "POST", "/v2.1/flavors", body)
    assert world.ok("admin", "GET", "/v2.1/flavors/q/os-flavor-access") == {"flavor_access": []}
    world.refused(404, "alice", "GET", "/v2.1/flavors/q")


def test_extra_specs_of_a_flavor(world: World) -> None:
    path = "/v2.1/flavors/1/os-extra_specs"
    world.refused(403, "alice", "POST", path, {"extra_specs": {"hw:x": "1"}})
    world.ok("admin", "POST", path, {"extra_specs": {"hw:x": "1", "y": "2"}})
    assert world.ok("alice", "GET", path) == {"extra_specs": {"hw:x": "1", "y": "2"}}
    assert world.ok("admin", "PUT", f"{path}/y", {"y": "3"}) == {"y": "3"}
    assert world.ok("alice", "GET", f"{path}/y") == {"y": "3"}
    world.ok("admin", "DELETE", f"{path}/y")
    world.refused(404, "admin", "DELETE", f"{path}/y")
    assert world.ok("alice", "GET", "/v2.1/flavors/1", version="2.61")["flavor"]["extra_specs"] == {"hw:x": "1"}


def test_an_imported_key_shows_its_published_fingerprint(world: World) -> None:
    made = world.ok("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k", "public_key": ED}})["keypair"]
    assert made["fingerprint"] == "65:96:2d:fc:e8:d5:a9:11:64:0c:0f:ea:00:6e:5b:bd"
    assert "private_key" not in made and made["user_id"] == "user-alice"
    shown = world.ok("alice", "GET", "/v2.1/os-keypairs/k", version="2.2")["keypair"]
    assert (shown["type"], shown["public_key"]) == ("ssh", ED)
    world.refused(409, "alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k", "public_key": ED}})
    world.refused(404, "anton", "GET", "/v2.1/os-keypairs/k")
    assert world.call("alice", "DELETE", "/v2.1/os-keypairs/k").status_code == 202
    assert world.call("alice", "DELETE", "/v2.1/os-keypairs/k", version="2.2").status_code == 404


def test_a_made_key_answers_its_private_half_once(world: World) -> None:
    made = world.call("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k"}}, "2.2")
    assert made.status_code == 201
    pair = made.get_json()["keypair"]
    load_pem_private_key(pair["private_key"].encode(), None)
    assert pair["public_key"].startswith("ssh-rsa ")
    assert "private_key" not in world.ok("alice", "GET", "/v2.1/os-keypairs/k")["keypair"]
    (listed,) = world.ok("alice", "GET", "/v2.1/os-keypairs")["keypairs"]
    assert listed["keypair"]["name"] == "k" and "private_key" not in listed["keypair"]


@pytest.mark.parametrize(
    "change",
    [{"public_key": "nonsense"}, {"public_key": "ssh-rsa AAAA"}, {"public_key": ED + "\n" + ED}, {"name": "a/b"},
     {"name": ""}, {"public_key": ED.replace("ssh-ed25519", "ssh-rsa")}, {"user_id": "user-bob"}],
)  # fmt: skip
def test_a_bad_key_is_refused(world: World, change: dict) -> None:
    world.refused(400, "alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k", "public_key": ED} | change})


def test_keys_of_others_are_the_administrators(world: World) -> None:
    body = {"keypair": {"name": "k", "public_key": ED, "user_id": "user-bob"}}
    world.refused(403, "alice", "POST", "/v2.1/os-keypairs", body, "2.10")
    world.ok("admin", "POST", "/v2.1/os-keypairs", body, "2.10")
    world.refused(403, "alice", "GET", "/v2.1/os-keypairs?user_id=user-bob", version="2.10")
    assert world.ok("bob", "GET", "/v2.1/os-keypairs/k")["keypair"]["user_id"] == "user-bob"


def test_the_quota_of_keys_counts_per_user(world: World) -> None:
    """S-107."""
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"key_pairs": 1}})
    for who in ("alice", "anton"):
        world.ok(who, "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k", "public_key": ED}})
    words = world.refused(403, "alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "l", "public_key": ED}})
    assert words == "Quota exceeded, too many key pairs: already used 1 of 1."
    world.ok("alice", "DELETE", "/v2.1/os-keypairs/k")
    world.ok("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "l", "public_key": ED}})


def test_quotas_are_shown_changed_and_reset(world: World) -> None:
    path = "/v2.1/os-quota-sets/red"
    assert world.ok("alice", "GET", path)["quota_set"]["cores"] == 20
    world.refused(403, "bob", "GET", path)
    world.refused(403, "alice", "PUT", path, {"quota_set": {"cores": 99}})
    world.server()
    assert "already used" in world.refused(400, "admin", "PUT", path, {"quota_set": {"ram": 100}})
    world.ok("admin", "PUT", path, {"quota_set": {"ram": 100, "force": True}})
    detail = world.ok("alice", "GET", f"{path}/detail")["quota_set"]
    assert (detail["ram"], detail["cores"]) == (
        {"limit": 100, "in_use": 512, "reserved": 0}, {"limit": 20, "in_use": 1, "reserved": 0})  # fmt: skip
    assert world.ok("alice", "GET", f"{path}/defaults")["quota_set"]["ram"] == 51200
    world.ok("admin", "DELETE", path)
    assert world.ok("alice", "GET", path)["quota_set"]["ram"] == 51200
    for bad in ({"cores": -2}, {"cores": 2**31}, {"cores": "many"}, {"nonsense": 1}):
        world.refused(400, "admin", "PUT", path, {"quota_set": bad})
    assert "floating_ips" not in world.ok("alice", "GET", path, version="2.36")["quota_set"]


def test_limits_show_what_is_used(world: World) -> None:
    world.server()
    absolute = world.ok("alice", "GET", "/v2.1/limits")["limits"]["absolute"]
    assert (absolute["maxTotalInstances"], absolute["totalInstancesUsed"], absolute["totalRAMUsed"]) == (10, 1, 512)
    world.refused(403, "bob", "GET", "/v2.1/limits?tenant_id=red")
    assert world.ok("admin", "GET", "/v2.1/limits?tenant_id=red")["limits"]["absolute"]["totalCoresUsed"] == 1
    assert "maxPersonality" not in world.ok("alice", "GET", "/v2.1/limits", version="2.57")["limits"]["absolute"]


def test_daemons_are_listed_under_their_published_names(world: World, clock: ManualClock) -> None:
    """A-005, C-11."""
    world.host("host1")
    world.host("host2")
    world.refused(403, "alice", "GET", "/v2.1/os-services")
    found = world.ok("admin", "GET", "/v2.1/os-services?binary=nova-compute")["services"]
    assert [(item["host"], item["state"], item["zone"]) for item in found] == [
        ("host1", "up", "nova"), ("host2", "up", "nova")]  # fmt: skip
    world.database.run(lambda tx: services.touch(tx, "iaas-image", "host1", "boot", 1, 1))
    binaries = {item["binary"] for item in world.ok("admin", "GET", "/v2.1/os-services")["services"]}
    assert binaries == {"nova-compute"}, "identity and image are not compute's to list"
    clock.advance(11)
    world.host("host2")
    found = world.ok("admin", "GET", "/v2.1/os-services", version="2.53")["services"]
    assert [item["state"] for item in found] == ["down", "up"]
    path = f"/v2.1/os-services/{found[1]['id']}"
    body = {"status": "disabled", "disabled_reason": "repair"}
    shown = world.ok("admin", "PUT", path, body, "2.53")["service"]
    assert (shown["status"], shown["disabled_reason"], shown["binary"]) == ("disabled", "repair", "nova-compute")
    assert world.ok("admin", "PUT", path, {"forced_down": True}, "2.53")["service"]["state"] == "down"
    world.refused(400, "admin", "PUT", path, {}, "2.53")
    named = {"host": "host2", "binary": "nova-compute"}
    assert world.ok("admin", "PUT", "/v2.1/os-services/enable", named)["service"]["status"] == "enabled"
    world.refused(404, "admin", "PUT", "/v2.1/os-services/enable", named | {"host": "x"})


def test_a_host_with_servers_is_not_forgotten(world: World) -> None:
    world.host("host1")
    world.active(world.server())
    (item,) = world.ok("admin", "GET", "/v2.1/os-services", version="2.53")["services"]
    world.refused(409, "admin", "DELETE", f"/v2.1/os-services/{item['id']}", version="2.53")
    world.host("host2")
    item = world.ok("admin", "GET", "/v2.1/os-services?host=host2", version="2.53")["services"][0]
    world.ok("admin", "DELETE", f"/v2.1/os-services/{item['id']}", version="2.53")
    assert [h["hypervisor_hostname"] for h in world.ok("admin", "GET", "/v2.1/os-hypervisors")["hypervisors"]] == [
        "host1.local"
    ]


def test_hypervisors_show_what_they_have(world: World) -> None:
    """A-010."""
    world.host("host1")
    world.host("host2")
    id = world.server()
    world.active(id)
    world.refused(403, "alice", "GET", "/v2.1/os-hypervisors")
    found = world.ok("admin", "GET", "/v2.1/os-hypervisors/detail", version="2.53")["hypervisors"]
    assert [(item["hypervisor_hostname"], item["vcpus"], item["state"]) for item in found] == [
        ("host1.local", 8, "up"), ("host2.local", 8, "up")]  # fmt: skip
    one = world.ok("admin", "GET", f"/v2.1/os-hypervisors/{found[0]['id']}?with_servers=true", version="2.53")
    assert one["hypervisor"]["servers"] == [{"uuid": id, "name": "web"}]
    stats = world.ok("admin", "GET", "/v2.1/os-hypervisors/statistics")["hypervisor_statistics"]
    assert (stats["count"], stats["memory_mb"]) == (2, 32768)
    page = world.ok("admin", "GET", "/v2.1/os-hypervisors?limit=1", version="2.53")
    assert len(page["hypervisors"]) == 1 and page["hypervisors_links"]
    world.refused(501, "admin", "GET", f"/v2.1/os-hypervisors/{found[0]['id']}/uptime", version="2.53")
    world.refused(404, "admin", "GET", "/v2.1/os-hypervisors/nonsense")
    pattern = "/v2.1/os-hypervisors?hypervisor_hostname_pattern=host2"
    assert len(world.ok("admin", "GET", pattern, version="2.53")["hypervisors"]) == 1


def test_zones_groups_and_extensions_answer(world: World) -> None:
    world.host()
    (zone,) = world.ok("alice", "GET", "/v2.1/os-availability-zone")["availabilityZoneInfo"]
    assert zone == {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
    world.refused(403, "alice", "GET", "/v2.1/os-availability-zone/detail")
    (zone,) = world.ok("admin", "GET", "/v2.1/os-availability-zone/detail")["availabilityZoneInfo"]
    assert zone["hosts"]["host1"]["nova-compute"]["available"] is True
    aliases = [item["alias"] for item in world.ok("alice", "GET", "/v2.1/extensions")["extensions"]]
    assert "os-keypairs" in aliases
    assert world.ok("alice", "GET", "/v2.1/extensions/os-keypairs")["extension"]["alias"] == "os-keypairs"
    world.refused(404, "alice", "GET", "/v2.1/extensions/none")
