"""Images of the image API: bodies, statuses, visibility, lists, patches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iaas.clock import ManualClock
from tests.api.image.conftest import As

Api = Callable[[str | None], As]


def test_the_version_document_answers_without_a_token(api: Api) -> None:
    nobody = api(None)
    answer = nobody.get("/")
    assert answer.status_code == 300
    current = answer.json["versions"][0]
    assert (current["id"], current["status"]) == ("v2.17", "CURRENT")
    others = {version["id"]: version["status"] for version in answer.json["versions"][1:]}
    assert others == {f"v2.{minor}": "SUPPORTED" for minor in range(17) if minor != 14}  # the cache's API: not offered
    assert current["links"] == [{"rel": "self", "href": "http://localhost/v2/"}]
    assert nobody.get("/versions").status_code == nobody.get("/v2").status_code == 200


def test_no_token_is_401_in_the_words_of_this_api(api: Api) -> None:
    answer = api(None).get("/v2/images")
    assert answer.status_code == 401
    assert (answer.json["code"], answer.json["title"]) == ("401 Unauthorized", "Unauthorized")


def test_a_created_image_is_queued_and_has_every_published_attribute(alice: As) -> None:
    answer = alice.post("/v2/images", {"name": "a", "hw_disk_bus": "virtio", "tags": ["x", "a", "x"]})
    image = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://localhost/v2/images/{image['id']}"
    empty = ("disk_format", "container_format", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value")
    assert {name: image[name] for name in empty} == dict.fromkeys(empty)
    assert image["status"] == "queued"
    assert image["visibility"] == "shared"
    assert image["owner"] == "alpha"
    assert image["hw_disk_bus"] == "virtio"
    assert image["tags"] == ["a", "x"]
    assert (image["min_disk"], image["min_ram"], image["protected"], image["os_hidden"]) == (0, 0, False, False)
    assert image["self"] == f"/v2/images/{image['id']}"
    assert image["file"] == f"/v2/images/{image['id']}/file"
    assert image["schema"] == "/v2/schemas/image"
    assert alice.get(image["self"]).json == image


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"visibility": "everyone"}, 400),
        ({"visibility": "public"}, 403),
        ({"min_disk": -1}, 400),
        ({"min_ram": "much"}, 400),
        ({"id": "not-a-uuid"}, 400),
        ({"id": "../../../../etc/passwd"}, 400),
        ({"name": "x" * 256}, 400),
        ({"disk_format": "qed"}, 400),
        ({"container_format": "ova"}, 400),
        ({"disk_format": "raw", "container_format": "ami"}, 400),
        ({"custom": 5}, 400),
        ({"custom": "bell\x07"}, 400),
        ({"hw_disk_bus": "</disk><disk>"}, 400),
        ({"kernel_id": "../x"}, 400),
        ({"bad/name": "x"}, 400),
        ({"x" * 256: "x"}, 400),
        ({"tags": ["x" * 256]}, 400),
        ({"tags": "x"}, 400),
        ({"status": "active"}, 403),
        ({"size": 5}, 403),
        ({"checksum": "abc"}, 403),
        ({"locations": [{"url": "file:///etc/passwd", "metadata": {}}]}, 403),
        ({"deleted": True}, 403),
        ({"owner": "beta"}, 403),
        ({f"p{i}": "x" for i in range(129)}, 413),
        ({"tags": [f"t{i}" for i in range(129)]}, 413),
    ],
)
def test_what_can_not_be_created(alice: As, body: dict[str, Any], status: int) -> None:
    """S-009, S-018, S-019, S-025"""
    answer = alice.post("/v2/images", body)
    assert answer.status_code == status, answer.text
    assert alice.get("/v2/images").json["images"] == []


def test_128_properties_and_any_unicode_are_fine(alice: As) -> None:
    body = {f"p{i}": "🐧\n" for i in range(128)}
    assert alice.create(**body)["p127"] == "🐧\n"


def test_an_id_can_be_chosen_once_and_never_again(alice: As, bob: As) -> None:
    """S-017: not even after the deletion."""
    chosen = "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11"
    assert alice.create(id=chosen)["id"] == chosen
    assert bob.post("/v2/images", {"id": chosen}).status_code == 409
    assert alice.delete(f"/v2/images/{chosen}").status_code == 204
    assert bob.post("/v2/images", {"id": chosen}).status_code == 409


def test_a_foreign_private_image_looks_like_none(alice: As, bob: As, api: Api) -> None:
    """A-102"""
    image = alice.create(visibility="private")
    path = image["self"]
    random = "/v2/images/11111111-2222-4333-8444-555555555555"
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/file"), ("GET", "/members"), ("PUT", "/tags/x"),
                         ("POST", "/actions/deactivate")):  # fmt: skip
        foreign, none = bob.call(method, path + tail), bob.call(method, random + tail)
        assert foreign.status_code == none.status_code == 404
        assert foreign.text.replace(image["id"], "") == none.text.replace(random[-36:], "")
    assert bob.patch(path, {"op": "replace", "path": "/name", "value": "b"}).status_code == 404
    assert bob.upload(image["id"], b"x").status_code == 404
    assert api("nova").get(path).status_code == 200
    assert api("root").get(path).status_code == 200


def test_a_foreign_public_image_can_be_read_and_not_touched(root: As, bob: As, api: Api) -> None:
    image = root.active(visibility="public")
    path = image["self"]
    assert bob.get(path).json["visibility"] == "public"
    assert bob.get(path + "/file").status_code == 200
    assert bob.delete(path).status_code == 403
    assert bob.patch(path, {"op": "replace", "path": "/name", "value": "b"}).status_code == 403
    assert bob.put(path + "/tags/x").status_code == 403
    assert bob.post(path + "/members", {"member": "beta"}).status_code == 403
    assert bob.post(path + "/actions/deactivate").status_code == 403
    assert api("root").get(path).json == image


def test_a_reader_reads_and_changes_nothing(alice: As, api: Api) -> None:
    path = alice.create()["self"]
    anna = api("anna")
    assert anna.get(path).status_code == 200
    assert anna.delete(path).status_code == anna.post("/v2/images", {}).status_code == 403
    assert anna.patch(path, {"op": "replace", "path": "/name", "value": "b"}).status_code == 403


def test_who_lists_which_images(alice: As, bob: As, root: As) -> None:
    """A-102, S-026"""
    for visibility in ("private", "shared", "community"):
        alice.create(name=visibility, visibility=visibility)
    root.create(name="public", visibility="public")

    def names(who: As, query: str = "") -> list[str]:
        return sorted(image["name"] for image in who.get(f"/v2/images{query}").json["images"])

    assert names(alice) == ["community", "private", "public", "shared"]
    assert names(bob) == ["public"]
    assert names(bob, "?visibility=community") == ["community"]
    assert names(bob, "?visibility=all") == ["community", "public"]
    assert names(bob, "?visibility=private") == names(bob, "?visibility=shared") == []
    assert names(alice, "?visibility=private") == ["private"]
    assert names(root) == ["private", "public", "shared"]
    assert names(root, "?visibility=all") == ["community", "private", "public", "shared"]


def test_filters(alice: As, root: As, clock: ManualClock) -> None:
    first = alice.active(b"a" * 100, name="one", tags=["x", "y"], flavour="sweet", protected=True)
    clock.advance(60)
    second = alice.create(name="two, three", disk_format="qcow2", tags=["x"])
    alice.create(name="four", os_hidden=True, min_ram=512)

    def found(query: str) -> list[str]:
        answer = alice.get(f"/v2/images?{query}")
        assert answer.status_code == 200, answer.text
        return sorted(image["name"] for image in answer.json["images"])

    both = ["one", "two, three"]
    assert found("") == both
    assert found("name=one") == ["one"]
    assert found('name=in:one,"two, three"') == both
    assert found(f"id=in:{first['id']},{second['id']}") == both
    assert found("status=active") == ["one"]
    assert found("status=in:queued,active") == both
    assert found("status=killed") == []
    assert found("disk_format=qcow2") == found("disk_format=in:qcow2,vmdk") == ["two, three"]
    assert found("owner=alpha") == both
    assert found("owner=beta") == []
    assert found("tag=x") == both
    assert found("tag=x&tag=y") == ["one"]
    assert found("size_min=100") == found("size_max=100") == ["one"]
    assert found("size_min=101") == []
    assert found("protected=true") == ["one"]
    assert found("protected=false") == ["two, three"]
    assert found("os_hidden=true") == ["four"]
    assert found("flavour=sweet") == ["one"]
    assert found("flavour=sour") == found("unknown=x") == []
    assert found(f"created_at=gt:{first['created_at']}") == ["two, three"]
    assert found(f"created_at=gt:{first['created_at'].removesuffix('Z')}+00:00") == ["two, three"]
    assert found(f"created_at=lte:{first['created_at']}") == found(f"created_at={first['created_at']}") == ["one"]
    assert found(f"checksum={first['checksum']}") == ["one"]


@pytest.mark.parametrize(
    "query",
    ["status=good", "visibility=mine", "member_status=maybe", "protected=perhaps", "size_min=-1", "size_max=x",
     "limit=-1", "limit=x", "marker=nothing", "sort_key=owner_of", "sort=name:up", "created_at=gt:tomorrow",
     "created_at=gt:0001-01-01T00:00:00%2B23:59", "updated_at=lt:", "name=%00",
     "name=in:", 'name=in:"a', "os_hidden=perhaps", "sort=name&sort_key=id", "sort=name:asc&sort_dir=asc",
     "sort_key=name&sort_dir=asc&sort_dir=desc"],
)  # fmt: skip
def test_a_wrong_query_is_400(alice: As, query: str) -> None:
    """S-113"""
    answer = alice.get(f"/v2/images?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json["title"] == "Bad Request"


def test_pages_follow_the_next_link_and_lose_nothing(alice: As) -> None:
    made = [alice.create(name=f"image {i // 2}", tags=["all"])["id"] for i in range(7)]
    for sort in ("", "&sort=name:asc,id:desc", "&sort_key=size&sort_key=name&sort_dir=asc", "&sort=status"):
        seen: list[str] = []
        url = f"/v2/images?limit=3&tag=all{sort}"
        pages = 0
        while url:
            answer = alice.get(url).json
            assert answer["first"].startswith("/v2/images?limit=3&tag=all")
            assert "marker" not in answer["first"]
            seen += [image["id"] for image in answer["images"]]
            url = answer.get("next")
            pages += 1
        assert sorted(seen) == sorted(made)
        assert len(seen) == 7
        assert pages == 3


def test_the_default_page_has_25_images_newest_first(alice: As, clock: ManualClock) -> None:
    for i in range(26):
        clock.advance(1)
        alice.create(name=f"{i:02}")
    answer = alice.get("/v2/images").json
    assert [image["name"] for image in answer["images"]] == [f"{i:02}" for i in range(25, 0, -1)]
    assert [image["name"] for image in alice.get(answer["next"]).json["images"]] == ["00"]
    assert alice.get("/v2/images?sort_key=name").json["images"][0]["name"] == "25"
    assert alice.get("/v2/images?sort_dir=asc").json["images"][0]["name"] == "00"


def test_a_patch_changes_attributes_and_properties_in_order(alice: As, clock: ManualClock) -> None:
    image = alice.create(colour="red", shape="round")
    clock.advance(5)
    answer = alice.patch(
        image["self"],
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/taste", "value": "sweet"},
        {"op": "replace", "path": "/colour", "value": "blue"},
        {"op": "remove", "path": "/shape"},
        {"op": "replace", "path": "/tags", "value": ["b", "a"]},
        {"op": "replace", "path": "/min_disk", "value": 3},
        {"op": "replace", "path": "/disk_format", "value": "qcow2"},
        {"op": "replace", "path": "/visibility", "value": "private"},
        {"op": "add", "path": "/a~0b", "value": "never"},
        {"op": "remove", "path": "/a~0b"},
    )
    assert answer.status_code == 200, answer.text
    changed = answer.json
    expected = {"name": "new", "taste": "sweet", "colour": "blue", "tags": ["a", "b"], "min_disk": 3,
                "disk_format": "qcow2", "visibility": "private"}  # fmt: skip
    assert {name: changed[name] for name in expected} == expected
    assert "shape" not in changed
    assert changed["updated_at"] > changed["created_at"]
    assert alice.get(image["self"]).json == changed


def test_the_older_form_of_patches_works(alice: As) -> None:
    image = alice.create(colour="red")
    answer = alice.patch(image["self"], {"replace": "/name", "value": "n"}, {"remove": "/colour"}, media="v2.0")
    assert answer.status_code == 200
    assert (answer.json["name"], "colour" in answer.json) == ("n", False)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"op": "replace", "path": "/nothing", "value": "x"}, 409),
        ({"op": "remove", "path": "/nothing"}, 409),
        ({"op": "add", "path": "/colour", "value": "x"}, 409),
        ({"op": "remove", "path": "/name"}, 403),
        ({"op": "move", "path": "/name", "value": "x"}, 400),
        ({"op": "replace", "path": "name", "value": "x"}, 400),
        ({"op": "replace", "path": "/name/first", "value": "x"}, 400),
        ({"op": "replace", "path": "/tags/-", "value": "x"}, 400),
        ({"op": "replace", "path": "/na~me", "value": "x"}, 400),
        ({"op": "replace", "path": "/name"}, 400),
        ({"op": "replace", "path": "/name", "value": 5}, 400),
        ({"op": "add", "path": "/taste", "value": 5}, 400),
        ({"op": "add", "path": "/hw_vif_model", "value": "<x/>"}, 400),
        ({"op": "replace", "path": "/min_disk", "value": "3"}, 400),
        ({"op": "replace", "path": "/visibility", "value": "public"}, 403),
        ({"op": "replace", "path": "/owner", "value": "beta"}, 403),
        ({"op": "replace", "path": "/id", "value": "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11"}, 403),
        ({"op": "replace", "path": "/disk_format", "value": "qcow2"}, 403),
        ({"op": "replace", "path": "/container_format", "value": None}, 403),
        *[({"op": "replace", "path": f"/{name}", "value": "x"}, 403) for name in (
            "status", "checksum", "size", "virtual_size", "os_hash_value", "os_hash_algo", "created_at",
            "self", "file", "schema", "locations", "deleted")],
        ({"op": "add", "path": "/locations/-", "value": {"url": "file:///etc/passwd", "metadata": {}}}, 403),
    ],
)  # fmt: skip
def test_what_a_patch_can_not_do_to_an_active_image(alice: As, change: dict[str, Any], status: int) -> None:
    """S-018, S-019, S-025, S-026: refused, and nothing of the patch is done."""
    image = alice.active(colour="red")
    answer = alice.patch(image["self"], {"op": "add", "path": "/first", "value": "x"}, change)
    assert answer.status_code == status, answer.text
    assert alice.get(image["self"]).json == image


def test_a_patch_needs_its_media_type(alice: As) -> None:
    path = alice.create()["self"]
    body = [{"op": "replace", "path": "/name", "value": "x"}]
    answer = alice.call("PATCH", path, body)
    kinds = [f"application/openstack-images-v2.{minor}-json-patch" for minor in (1, 0)]
    assert (answer.status_code, answer.headers["Accept-Patch"]) == (415, ", ".join(kinds))
    assert alice.call("PATCH", path, {"name": "x"}).status_code == 400


def test_a_protected_image_stays(alice: As) -> None:
    image = alice.active(protected=True)
    assert alice.delete(image["self"]).status_code == 403
    assert alice.get(image["self"]).status_code == 200
    alice.patch(image["self"], {"op": "replace", "path": "/protected", "value": False})
    assert alice.delete(image["self"]).status_code == 204
    assert alice.get(image["self"]).status_code == alice.delete(image["self"]).status_code == 404
    assert alice.get("/v2/images").json["images"] == []


def test_tags_one_at_a_time(alice: As) -> None:
    path = alice.create(tags=["a"])["self"]
    assert alice.put(f"{path}/tags/b").status_code == alice.put(f"{path}/tags/b").status_code == 204
    assert alice.get(path).json["tags"] == ["a", "b"]
    assert alice.delete(f"{path}/tags/a").status_code == 204
    assert alice.delete(f"{path}/tags/a").status_code == 404
    assert alice.get(path).json["tags"] == ["b"]
    assert alice.put(f"{path}/tags/{'x' * 256}").status_code == 400


def test_schemas_and_facts_about_the_service(alice: As) -> None:
    schema = alice.get("/v2/schemas/image").json
    assert schema["name"] == "image"
    assert schema["properties"]["disk_format"]["enum"] == [None, "raw", "qcow2", "vmdk", "iso"]
    assert schema["properties"]["status"]["readOnly"] is True
    assert set(alice.create()) <= set(schema["properties"])
    for name in ("images", "member", "members"):
        assert alice.get(f"/v2/schemas/{name}").json["name"] == name
    assert len(alice.get("/v2/info/import").json["import-methods"]["value"]) == 3
    assert alice.get("/v2/info/stores").json == {"stores": [{"id": "filesystem", "default": "true"}]}
    alice.active(b"x" * (1024 * 1024 + 1))
    usage = alice.get("/v2/info/usage").json["usage"]
    assert usage["image_size_total"] == {"usage": 2, "limit": 6}
    assert usage["image_count_total"]["usage"] == 2


def test_unknown_paths_and_methods_have_this_api_s_envelope(alice: As) -> None:
    answer = alice.get("/v2/nothing")
    assert (answer.status_code, answer.json["code"]) == (404, "404 Not Found")
    assert answer.json["message"] == "The resource could not be found."
    answer = alice.delete("/v2/images")
    assert (answer.status_code, answer.json["code"]) == (405, "405 Method Not Allowed")
    assert answer.headers["Allow"] == "GET, POST"


def test_a_fault_is_a_page_for_clients_that_do_not_ask_for_json(alice: As) -> None:
    """glanceclient takes anything and reads pages; openstacksdk asks for JSON. What the client sent is escaped."""
    path = "/v2/images/<script>"
    for accept in ("*/*", "text/html, */*"):
        answer = alice.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.mimetype) == (404, "text/html")
        assert "<h1>404 Not Found</h1>" in answer.text
        assert "No image found with ID &lt;script&gt;" in answer.text
        assert "<script>" not in answer.text
    for accept in ("application/json", "application/json, */*", "image/png"):
        answer = alice.get(path, headers={"Accept": accept})
        assert answer.json["code"] == "404 Not Found"


@pytest.mark.parametrize(
    "query",
    [
        "&".join(f"p{number}=x" for number in range(600)),
        "&".join(f"tag=t{number}" for number in range(600)),
        "created_at=gt:2020-01-01T00:00:00Z&" * 300,
        "sort=" + ",".join(["name", "size", "id"] * 500),
    ],
    ids=["properties", "tags", "times", "sort keys"],
)
def test_a_query_is_bounded_in_what_it_makes_the_database_do(alice: As, query: str) -> None:
    """No image has so many of them: refused before the database sees it, or without effect."""
    image_id = alice.create()["id"]
    answer = alice.get(f"/v2/images?{query}&marker={image_id}")
    assert answer.status_code == (200 if query.startswith("sort") else 400), answer.text[:200]


@pytest.mark.parametrize("text", ["gt:0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_outside_of_all_years_is_400(alice: As, text: str) -> None:
    """S-113"""
    assert alice.get("/v2/images", query_string={"created_at": text}).status_code == 400


def test_what_an_image_says_of_itself_is_bounded_as_a_whole(alice: As) -> None:
    """A list of a thousand images lies in memory: each may have long values, none may have all values long."""
    image = alice.create(**{f"p{number}": "x" * 1000 for number in range(60)})
    path = f"/v2/images/{image['id']}"
    assert alice.patch(path, {"op": "add", "path": "/long", "value": "x" * 65535}).status_code == 200
    refused = alice.patch(path, {"op": "add", "path": "/longer", "value": "x" * 65535})
    assert refused.status_code == 413, refused.text
    assert "longer" not in alice.get(path).json
