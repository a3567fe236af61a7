"""Servers through the HTTP API: created, listed, shown, changed, deleted, and refused."""

from __future__ import annotations

import base64

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.db import operations
from iaas.db.compute import servers
from iaas.ids import new_uuid
from iaas.model.image import Visibility
from iaas.model.operation import OperationState
from tests.api.compute.world import GIB, World

SERVERS = "/v2.1/servers"


def test_a_created_server_is_building_with_its_operation_and_quota_in_one_step(world: World) -> None:
    network = world.network()
    id = world.server(networks=[{"uuid": network}])
    shown = world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]
    assert (shown["status"], shown["OS-EXT-STS:task_state"], shown["tenant_id"]) == ("BUILD", "scheduling", "red")
    assert [item["addr"][:5] for item in shown["addresses"]["net"]] == ["10.0."]
    assert shown["security_groups"] == [{"name": "default"}]
    assert {"instances": 1, "cores": 1, "ram": 512}.items() <= world.used().items()
    with world.database.read() as tx:
        (operation,) = operations.of_resource(tx, "server", id)
    assert (operation.kind, operation.fence, operation.state) == ("server.create", 1, OperationState.QUEUED)
    assert ("conductor.run", {"host": None, "operation_id": operation.id}) in world.wire.sent


def test_a_server_outlives_the_api_that_died_before_the_doorbell(world: World) -> None:
    """F-01: the row is the work; the message is only the wake-up."""
    failpoints.arm("api.server.create.before_publish=crash")
    with pytest.raises(failpoints.Crash):
        world.server()
    assert not world.wire.sent
    (listed,) = world.ok("alice", "GET", SERVERS)["servers"]
    with world.database.read() as tx:
        assert operations.due(tx, quiet=0) == [operations.of_resource(tx, "server", listed["id"])[0].id]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imageRef": new_uuid()}, "Can not find requested image"),
        ({"imageRef": "no-uuid"}, "Invalid imageRef provided."),
        ({"imageRef": ""}, "Boot sequence"),
        ({"flavorRef": "99"}, "Flavor 99 could not be found."),
        ({"key_name": "nokey"}, "Invalid key_name provided."),
        ({"networks": [{"uuid": new_uuid()}]}, "could not be found"),
        ({"networks": [{"port": new_uuid()}]}, "could not be found"),
        ({"availability_zone": "moon"}, "The requested availability zone is not available"),
        ({"user_data": "!!!"}, "User data needs to be valid base 64."),
        ({"user_data": "A" * 65536}, "user_data"),
        ({"name": ""}, "name"),
        ({"name": " padded "}, "name"),
        ({"min_count": 2, "max_count": 1}, "min_count must be <= max_count"),
        ({"block_device_mapping_v2": [{"source_type": "volume", "uuid": new_uuid()}]}, "could not be found"),
        ({"personality": []}, "personality"),
        ({"adminPass": "x"}, "adminPass"),
        ({"metadata": {"k" * 256: "v"}}, "metadata"),
        ({"OS-EXT-SRV-ATTR:host": "host1"}, "OS-EXT-SRV-ATTR:host"),
        ({"project_id": "blue"}, "project_id"),
        ({"description": "too early"}, "description"),
    ],
)
def test_a_bad_request_names_its_fault_and_leaves_nothing(world: World, change: dict, message: str) -> None:
    """A-069, S-056: refused at once, before any queueing."""
    body = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1"} | change
    assert message in world.refused(400, "alice", "POST", SERVERS, {"server": body})
    assert world.ok("alice", "GET", SERVERS) == {"servers": []}
    assert world.used() == {} and world.wire.sent == []


def test_an_image_too_large_for_the_flavor_is_refused(world: World) -> None:
    """S-011: by the size of the disk inside, not of the file."""
    for changes, words in (
        ({"virtual_size": 2 * GIB}, "Flavor's disk is too small for requested image."),
        ({"min_disk": 2}, "smaller than the minimum size specified in image metadata"),
        ({"min_ram": 513}, "Flavor's memory is too small for requested image."),
    ):
        image = world.image(**changes)
        body = {"server": {"name": "web", "imageRef": image, "flavorRef": "1"}}
        assert words in world.refused(400, "alice", "POST", SERVERS, body)


def test_a_flavor_without_a_disk_size_is_the_administrators(world: World) -> None:
    world.flavor("0", disk_gb=0)
    body = {"server": {"name": "web", "imageRef": world.compute_image, "flavorRef": "0"}}
    assert "zero disk" in world.refused(403, "alice", "POST", SERVERS, body)
    world.ok("admin", "POST", SERVERS, body)


def test_foreign_private_images_flavors_and_keys_look_like_none(world: World) -> None:
    """S-059, S-060; S-017: whoever may not see an image does not boot it, whatever hosts have in their caches."""
    image = world.image("blue", Visibility.PRIVATE)
    world.flavor("secret", is_public=False)
    world.ok("bob", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "bobs"}})
    good = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1"}
    for change in ({"imageRef": image}, {"flavorRef": "secret"}, {"key_name": "bobs"}):
        world.refused(400, "alice", "POST", SERVERS, {"server": good | change})
    assert world.used() == {}


def test_the_quota_says_what_was_asked_used_and_allowed(world: World) -> None:
    """A-096."""
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"cores": 1}})
    world.server()
    body = {"server": {"name": "two", "imageRef": world.compute_image, "flavorRef": "1"}}
    assert world.refused(403, "alice", "POST", SERVERS, body) == (
        "Quota exceeded for cores: Requested 1, but already used 1 of 1 cores"
    )
    assert world.used() == {"instances": 1, "cores": 1, "ram": 512}


def test_the_quota_of_fixed_ips_holds_for_all_servers_of_a_project(world: World) -> None:
    """A-099: with a limit of 2 the third server is refused and leaves nothing."""
    world.network()
    assert world.ok("alice", "GET", "/v2.1/os-quota-sets/red")["quota_set"]["fixed_ips"] == -1
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"fixed_ips": 2}})
    world.server()
    world.server()
    body = {"server": {"name": "three", "imageRef": world.compute_image, "flavorRef": "1"}}
    assert world.refused(403, "alice", "POST", SERVERS, body) == (
        "Quota exceeded for fixed_ips: Requested 1, but already used 2 of 2 fixed_ips"
    )
    detail = world.ok("alice", "GET", "/v2.1/os-quota-sets/red/detail")["quota_set"]
    assert detail["fixed_ips"] == {"limit": 2, "in_use": 2, "reserved": 0}
    assert world.used()["instances"] == 2
    assert "fixed_ips" not in world.ok("alice", "GET", "/v2.1/os-quota-sets/red", version="2.36")["quota_set"]
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"fixed_ips": 3}})
    world.ok("alice", "POST", SERVERS, body)


def test_several_servers_are_one_reservation_as_far_as_the_quota_goes(world: World) -> None:
    """S-108: max_count is a wish, min_count is not."""
    world.ok("admin", "PUT", "/v2.1/os-quota-sets/red", {"quota_set": {"instances": 3}})
    body = {"name": "w", "imageRef": world.compute_image, "flavorRef": "1", "max_count": 5, "min_count": 1}
    answer = world.ok("alice", "POST", SERVERS, {"server": body | {"return_reservation_id": True}})
    assert answer["reservation_id"].startswith("r-")
    found = world.ok("alice", "GET", f"{SERVERS}?sort_key=launch_index&sort_dir=asc")["servers"]
    assert [server["name"] for server in found] == ["w-1", "w-2", "w-3"]
    filtered = world.ok("alice", "GET", f"{SERVERS}?reservation_id={answer['reservation_id']}")["servers"]
    assert len(filtered) == 3
    body |= {"min_count": 4}
    assert "Quota exceeded for instances" in world.refused(403, "bob", "POST", SERVERS, {"server": body | {
        "min_count": 11, "max_count": 20}})  # fmt: skip


def test_networks_are_chosen_as_the_request_says(world: World) -> None:
    good = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1"}
    assert "Unable to automatically allocate" in world.refused(
        400, "alice", "POST", SERVERS, {"server": good | {"networks": "auto"}}, "2.37"
    )
    assert "networks" in world.refused(400, "alice", "POST", SERVERS, {"server": good}, "2.37")
    world.network()
    first = world.server(version="2.37", networks="auto")
    assert "net" in world.ok("alice", "GET", f"{SERVERS}/{first}/ips")["addresses"]
    bare = world.server(version="2.37", networks="none")
    assert world.ok("alice", "GET", f"{SERVERS}/{bare}/ips") == {"addresses": {}}
    world.network(name="second", cidr="10.1.0.0/24")
    assert "Multiple possible networks" in world.refused(409, "alice", "POST", SERVERS, {"server": good})


def test_only_administrators_force_a_host(world: World) -> None:
    """S-057."""
    world.host("host1")
    good = {"name": "web", "imageRef": world.compute_image, "flavorRef": "1"}
    world.refused(403, "alice", "POST", SERVERS, {"server": good | {"availability_zone": "nova:host1"}})
    world.refused(403, "alice", "POST", SERVERS, {"server": good | {"host": "host1", "networks": "none"}}, "2.74")
    world.refused(400, "alice", "POST", SERVERS, {"server": good, "os:scheduler_hints": {"_nova_check_type": "x"}})
    for change, version in (
        ({"availability_zone": "nova:host1"}, "2.1"),
        ({"host": "host1", "networks": "none"}, "2.74"),
    ):
        made = world.ok("admin", "POST", SERVERS, {"server": good | change}, version)["server"]["id"]
        with world.database.read() as tx:
            assert operations.of_resource(tx, "server", made)[0].params["forced_host"] == "host1"
    assert "Compute host x could not be found" in world.refused(
        400, "admin", "POST", SERVERS, {"server": good | {"availability_zone": "nova:x"}}
    )


def test_a_foreign_server_is_as_absent_as_one_that_never_was(world: World) -> None:
    """S-053: the same words on every verb."""
    id = world.server()
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"server": {"name": "mine"}}),
        ("DELETE", "", None),
        ("POST", "/action", {"os-stop": None}),
        ("POST", "/action", {"resize": {"flavorRef": "1"}}),
        ("POST", "/action", {"os-getConsoleOutput": {}}),
        ("GET", "/metadata", None),
        ("PUT", "/metadata", {"metadata": {}}),
        ("GET", "/ips", None),
        ("GET", "/os-interface", None),
        ("GET", "/os-security-groups", None),
        ("GET", "/os-volume_attachments", None),
        ("GET", "/os-instance-actions", None),
    ):
        other = new_uuid()
        foreign = world.refused(404, "bob", method, f"{SERVERS}/{id}{path}", body)
        missing = world.refused(404, "bob", method, f"{SERVERS}/{other}{path}", body)
        assert foreign.replace(id, "") == missing.replace(other, "")
    assert world.ok("admin", "GET", f"{SERVERS}/{id}")["server"]["id"] == id


def test_a_reader_changes_nothing(world: World) -> None:
    """S-062."""
    id = world.server()
    world.ok("rita", "GET", f"{SERVERS}/{id}")
    for method, path, body in (
        ("POST", SERVERS, {"server": {"name": "x", "imageRef": world.compute_image, "flavorRef": "1"}}),
        ("PUT", f"{SERVERS}/{id}", {"server": {"name": "x"}}),
        ("DELETE", f"{SERVERS}/{id}", None),
        ("POST", f"{SERVERS}/{id}/action", {"os-stop": None}),
        ("POST", f"{SERVERS}/{id}/action", {"lock": None}),
        ("PUT", f"{SERVERS}/{id}/metadata", {"metadata": {}}),
        ("DELETE", f"{SERVERS}/{id}/metadata/a", None),
        ("PUT", f"{SERVERS}/{id}/tags", {"tags": []}),
    ):
        world.refused(403, "rita", method, path, body, "2.26")


def test_hosts_are_shown_to_administrators_only(world: World) -> None:
    """S-071: a project sees a hash that is its own."""
    world.host()
    mine, other = world.server(), world.server("bob")
    world.active(mine)
    world.active(other)
    shown = world.ok("alice", "GET", f"{SERVERS}/{mine}", version="2.79")["server"]
    assert "host1" not in str(shown) and len(shown["hostId"]) == 56
    assert shown["hostId"] != world.ok("bob", "GET", f"{SERVERS}/{other}")["server"]["hostId"]
    full = world.ok("admin", "GET", f"{SERVERS}/{mine}", version="2.79")["server"]
    assert (full["OS-EXT-SRV-ATTR:host"], full["host_status"]) == ("host1", "UP")
    assert full["OS-EXT-SRV-ATTR:hypervisor_hostname"] == "host1.local"


def test_fields_come_with_their_microversions(world: World) -> None:
    id = world.server()
    was = world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]
    assert was["flavor"]["id"] == "1" and "locked" not in was and "tags" not in was
    now = world.ok("alice", "GET", f"{SERVERS}/{id}", version="2.79")["server"]
    assert now["flavor"] == {"vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0, "original_name": "m1.1",
                             "extra_specs": {}}  # fmt: skip
    assert now["locked"] is False and now["tags"] == [] and now["description"] == "web" and now["server_groups"] == []


def test_deleting_takes_over_and_may_be_repeated(world: World) -> None:
    """F-06: 204 while it is being deleted, once is enough; 404 after."""
    id = world.server()
    assert world.call("alice", "DELETE", f"{SERVERS}/{id}").status_code == 204
    assert world.call("alice", "DELETE", f"{SERVERS}/{id}").status_code == 204
    with world.database.read() as tx:
        found = operations.of_resource(tx, "server", id)
    kinds = {item.kind: item for item in found}
    assert len(found) == 2 and kinds["server.create"].state is OperationState.SUPERSEDED
    assert (kinds["server.delete"].fence, kinds["server.delete"].deadline) == (2, None)
    assert world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]["OS-EXT-STS:task_state"] == "deleting"
    world.database.run(lambda tx: servers.finish(tx, id, "delete", deleted_at=tx.now()))
    world.refused(404, "alice", "DELETE", f"{SERVERS}/{id}")
    world.refused(404, "alice", "GET", f"{SERVERS}/{id}")


def test_name_and_description_can_be_changed(world: World) -> None:
    id = world.server()
    world.refused(400, "alice", "PUT", f"{SERVERS}/{id}", {"server": {"description": "early"}})
    body = {"server": {"name": "new", "description": "words"}}
    shown = world.ok("alice", "PUT", f"{SERVERS}/{id}", body, "2.19")["server"]
    assert (shown["name"], shown["description"]) == ("new", "words")
    world.refused(400, "alice", "PUT", f"{SERVERS}/{id}", {"server": {"status": "ACTIVE"}})


def test_user_data_and_keys_are_kept_for_the_guest(world: World) -> None:
    world.ok("alice", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "k"}})
    text = base64.b64encode(b"#cloud-config").decode()
    id = world.server(key_name="k", user_data=text, metadata={"a": "1"}, config_drive=False)
    with world.database.read() as tx:
        server = servers.get(tx, id)
    assert server.user_data == text and server.key_data is not None and server.key_data.startswith("ssh-rsa ")
    shown = world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]
    assert (shown["key_name"], shown["metadata"], shown["config_drive"]) == ("k", {"a": "1"}, "")


@pytest.mark.parametrize(("wanted", "shown"), [(True, "True"), ("true", "True"), ("Yes", "True"), ("0", "")])
def test_a_config_drive_is_shown_and_found(world: World, wanted: object, shown: str) -> None:
    id = world.server(config_drive=wanted)
    assert world.ok("alice", "GET", f"{SERVERS}/{id}")["server"]["config_drive"] == shown
    found = world.ok("alice", "GET", f"{SERVERS}?config_drive={bool(shown)}", version="2.83")["servers"]
    assert [server["id"] for server in found] == [id]


@pytest.mark.parametrize("wanted", [None, 1, "", "/dev/vdb", "maybe", ["true"]])
def test_what_is_no_boolean_is_no_wish_for_a_config_drive(world: World, wanted: object) -> None:
    body = {"server": {"name": "web", "imageRef": world.compute_image, "flavorRef": "1", "config_drive": wanted}}
    assert "config_drive" in world.refused(400, "alice", "POST", SERVERS, body)


def test_changes_since_tells_of_deleted_servers_too(world: World, clock: ManualClock) -> None:
    old = world.server(name="old")
    clock.advance(100)
    gone = world.server(name="gone")
    world.ok("alice", "DELETE", f"{SERVERS}/{gone}")
    world.database.run(lambda tx: servers.finish(tx, gone, "delete", deleted_at=tx.now(), terminated_at=tx.now()))
    found = world.ok("alice", "GET", f"{SERVERS}/detail?changes-since=2026-01-01T00:01:00Z")["servers"]
    assert [(server["id"], server["status"]) for server in found] == [(gone, "DELETED")]
    assert [server["id"] for server in world.ok("alice", "GET", SERVERS)["servers"]] == [old]
