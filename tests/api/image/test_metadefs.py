"""Metadata definitions: who sees which, what a namespace holds, names with prefixes, and what bootstrap plants."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.api import schema
from iaas.api.image.metadefs import documents
from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.image import starter
from iaas.image.metadefs import PROPERTY_FIELDS
from tests.api.image.conftest import As

ROOT = "/v2/metadefs/namespaces"
CPU = {"title": "Cores", "type": "integer", "minimum": 1}
DOCUMENT: dict[str, Any] = {
    "namespace": "Our::Things",
    "display_name": "Things",
    "description": "What we have.",
    "visibility": "public",
    "resource_type_associations": [{"name": "OS::Glance::Image", "prefix": "our_"}, {"name": "OS::Nova::Flavor"}],
    "properties": {"cores": CPU, "colour": {"title": "Colour", "type": "string", "enum": ["red", "blue"]}},
    "objects": [{"name": "Shape", "description": "d", "required": ["side"], "properties": {"side": CPU}}],
    "tags": [{"name": "round"}, {"name": "square"}],
}


@pytest.fixture
def things(root: As) -> str:
    answer = root.post(ROOT, DOCUMENT)
    assert answer.status_code == 201, answer.text
    return f"{ROOT}/Our::Things"


def names(answer: Any, key: str, name: str = "name") -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item[name] for item in answer.json[key]]


def test_one_document_makes_a_namespace_with_all_that_it_holds(root: As, alice: As) -> None:
    answer = root.post(ROOT, DOCUMENT)
    made = answer.json
    assert answer.headers["Location"] == f"http://localhost{ROOT}/Our::Things"
    assert (made["owner"], made["protected"], made["visibility"]) == ("ops", False, "public")
    assert (made["self"], made["schema"]) == (f"{ROOT}/Our::Things", "/v2/schemas/metadefs/namespace")
    assert made["properties"] == DOCUMENT["properties"]
    assert made["tags"] == DOCUMENT["tags"]
    shape = made["objects"][0]
    assert {name: shape[name] for name in DOCUMENT["objects"][0]} == DOCUMENT["objects"][0]
    assert shape["self"] == f"{ROOT}/Our::Things/objects/Shape"
    answer = alice.get(f"{ROOT}/Our::Things")
    assert names(answer, "resource_type_associations") == ["OS::Glance::Image", "OS::Nova::Flavor"]
    assert answer.json == made
    assert names(alice.get("/v2/metadefs/resource_types"), "resource_types") == [
        "OS::Glance::Image", "OS::Nova::Flavor",
    ]  # fmt: skip


def test_of_a_document_that_can_not_be_taken_nothing_stays(root: As) -> None:
    double = {**DOCUMENT, "tags": [{"name": "a"}, {"name": "a"}]}
    assert root.post(ROOT, double).status_code == 400
    assert root.get(f"{ROOT}/Our::Things").status_code == 404
    assert root.get("/v2/metadefs/resource_types").json == {"resource_types": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"namespace": ""}, 400),
        ({"namespace": "x" * 81}, 400),
        ({"namespace": "a/b"}, 400),
        ({"namespace": "bell\x07"}, 400),
        ({"namespace": "a", "visibility": "shared"}, 400),
        ({"namespace": "a", "unknown": 1}, 400),
        ({"namespace": "a", "description": "x" * 501}, 400),
        ({"namespace": "a", "properties": {"p": {"type": "string"}}}, 400),
        ({"namespace": "a", "properties": {"p": {"title": "t", "type": "text"}}}, 400),
        ({"namespace": "a", "properties": {"a/b": {"title": "t", "type": "string"}}}, 400),
        ({"namespace": "a", "objects": [{"description": "nameless"}]}, 400),
        ({"namespace": "a", "tags": [{"name": f"t{i}"} for i in range(501)]}, 400),
        ({"namespace": "a", "created_at": "2026-01-01T00:00:00Z"}, 403),
        ({"namespace": "a", "self": "/v2/x"}, 403),
    ],
)
def test_what_is_no_namespace(root: As, body: dict[str, Any], status: int) -> None:
    answer = root.post(ROOT, body)
    assert answer.status_code == status, answer.text
    assert root.get(ROOT).json["namespaces"] == []


def test_names_are_the_cloud_s_and_there_once(root: As, things: str) -> None:
    assert root.post(ROOT, {"namespace": "Our::Things"}).status_code == 409
    assert root.post(ROOT, {"namespace": "Other"}).status_code == 201
    assert root.put(f"{ROOT}/Other", {"namespace": "Our::Things"}).status_code == 409


def test_a_change_replaces_what_is_said_of_the_namespace_and_keeps_what_it_holds(root: As, things: str) -> None:
    answer = root.put(things, {"namespace": "Our::Own", "protected": True, "owner": "beta"})
    assert answer.status_code == 200, answer.text
    shown = root.get(f"{ROOT}/Our::Own").json
    assert (shown["visibility"], shown["protected"], shown["owner"]) == ("private", True, "beta")
    assert "display_name" not in shown
    assert shown["properties"] == DOCUMENT["properties"]
    assert root.get(things).status_code == 404


def test_only_administrators_define(alice: As, things: str) -> None:
    for method, path, body in (
        ("POST", ROOT, {"namespace": "a"}),
        ("PUT", things, {"namespace": "a"}),
        ("DELETE", things, None),
        ("POST", f"{things}/objects", {"name": "a"}),
        ("PUT", f"{things}/objects/Shape", {"name": "a"}),
        ("DELETE", f"{things}/objects/Shape", None),
        ("DELETE", f"{things}/objects", None),
        ("POST", f"{things}/properties", {"name": "a", **CPU}),
        ("PUT", f"{things}/properties/cores", {"name": "a", **CPU}),
        ("DELETE", f"{things}/properties/cores", None),
        ("DELETE", f"{things}/properties", None),
        ("POST", f"{things}/tags", {"tags": []}),
        ("POST", f"{things}/tags/new", None),
        ("PUT", f"{things}/tags/round", {"name": "a"}),
        ("DELETE", f"{things}/tags/round", None),
        ("DELETE", f"{things}/tags", None),
        ("POST", f"{things}/resource_types", {"name": "a"}),
        ("DELETE", f"{things}/resource_types/OS::Nova::Flavor", None),
    ):
        assert alice.call(method, path, body).status_code == 403, (method, path)


def test_a_foreign_private_namespace_looks_like_none(root: As, alice: As, bob: As) -> None:
    """S-053"""
    root.post(ROOT, {**DOCUMENT, "namespace": "Hers", "visibility": "private", "owner": "alpha"})
    assert alice.get(f"{ROOT}/Hers").json["owner"] == "alpha"
    assert names(alice.get(ROOT), "namespaces", "namespace") == ["Hers"]
    assert bob.get(ROOT).json["namespaces"] == []
    for tail in ("", "/objects", "/objects/Shape", "/properties", "/properties/cores", "/tags", "/tags/round",
                 "/resource_types"):  # fmt: skip
        foreign, none = bob.get(f"{ROOT}/Hers{tail}"), bob.get(f"{ROOT}/None{tail}")
        assert foreign.status_code == none.status_code == 404
        assert foreign.text.replace("Hers", "") == none.text.replace("None", "")
    assert bob.get(f"{ROOT}?marker=Hers").status_code == bob.get(f"{ROOT}?marker=None").status_code == 400


def test_namespaces_are_filtered_sorted_and_paged(root: As, alice: As, clock: ManualClock) -> None:
    """S-113"""
    for i, kind in enumerate(("public", "private", "public")):
        clock.advance(1)
        root.post(ROOT, {"namespace": f"n{i}", "visibility": kind, "resource_type_associations": [{"name": f"T{i}"}]})

    def found(query: str, who: As = root) -> list[str]:
        return names(who.get(f"{ROOT}?{query}"), "namespaces", "namespace")

    assert found("") == ["n2", "n1", "n0"]
    assert found("", alice) == ["n2", "n0"]
    assert found("visibility=private") == ["n1"]
    assert found("resource_types=T0,T2") == ["n2", "n0"]
    assert found("resource_types=T9") == []
    assert found("sort_key=namespace&sort_dir=asc") == ["n0", "n1", "n2"]
    assert found("sort_dir=asc") == ["n0", "n1", "n2"]
    first = root.get(f"{ROOT}?limit=2&sort_key=namespace&sort_dir=asc").json
    assert first["first"] == f"{ROOT}?limit=2&sort_key=namespace&sort_dir=asc"
    assert first["schema"] == "/v2/schemas/metadefs/namespaces"
    assert first["namespaces"][0]["resource_type_associations"][0]["name"] == "T0"
    rest = root.get(first["next"]).json
    assert [item["namespace"] for item in rest["namespaces"]] == ["n2"]
    assert "next" not in rest
    for wrong in ("visibility=shared", "sort_key=owner", "sort_dir=up", "limit=-1", "limit=x", "marker=nothing", "x=y"):
        assert root.get(f"{ROOT}?{wrong}").status_code == 400, wrong


def test_with_a_resource_type_the_properties_have_the_names_that_they_have_there(alice: As, things: str) -> None:
    shown = alice.get(f"{things}?resource_type=OS::Glance::Image").json
    assert sorted(shown["properties"]) == ["our_colour", "our_cores"]
    assert list(shown["objects"][0]["properties"]) == shown["objects"][0]["required"] == ["our_side"]
    assert sorted(alice.get(f"{things}?resource_type=OS::Nova::Flavor").json["properties"]) == ["colour", "cores"]
    one = f"{things}/properties/our_cores?resource_type=OS::Glance::Image"
    assert alice.get(one).json == {"name": "cores", **CPU}
    assert alice.get(f"{things}/properties/cores?resource_type=OS::Glance::Image").status_code == 404
    assert alice.get(f"{things}/properties/our_cores?resource_type=OS::Nova::Server").status_code == 404


def test_objects(root: As, things: str, clock: ManualClock) -> None:
    clock.advance(1)
    answer = root.post(f"{things}/objects", {"name": "CPU Limits", "properties": {"period": CPU}})
    assert answer.status_code == 201
    path = f"{things}/objects/CPU Limits"
    assert answer.json["self"] == path
    assert answer.json["required"] == []
    assert root.get(path).json == answer.json
    assert root.post(f"{things}/objects", {"name": "Shape"}).status_code == 409
    assert root.put(path, {"name": "Shape"}).status_code == 409
    clock.advance(1)
    changed = root.put(path, {"name": "Limits", "description": "new"}).json
    assert (changed["name"], changed["description"], changed["properties"]) == ("Limits", "new", {})
    assert changed["updated_at"] > changed["created_at"]
    listed = root.get(f"{things}/objects?limit=1").json
    assert [item["name"] for item in listed["objects"]] == ["Limits"]
    assert names(root.get(listed["next"]), "objects") == ["Shape"]
    assert root.delete(f"{things}/objects/Limits").status_code == 204
    assert root.delete(f"{things}/objects/Limits").status_code == root.get(path).status_code == 404
    assert root.delete(f"{things}/objects").status_code == 204
    assert root.get(f"{things}/objects").json["objects"] == []


def test_properties(root: As, things: str) -> None:
    full = {
        "name": "all", "title": "t", "description": "d", "operators": ["<in>"], "type": "array", "required": ["x"],
        "minimum": 1, "maximum": 2.5, "maxLength": 5, "minLength": 0, "pattern": "^a", "enum": ["a", 1, None],
        "readonly": True, "default": {"a": 1}, "items": {"type": "string", "enum": ["a"]}, "maxItems": 3, "minItems": 1,
        "uniqueItems": True, "additionalItems": False,
    }  # fmt: skip
    assert set(full) == {"name", *PROPERTY_FIELDS}
    answer = root.post(f"{things}/properties", full)
    assert (answer.status_code, answer.json) == (201, full)
    path = f"{things}/properties/all"
    assert root.get(path).json == full
    assert root.post(f"{things}/properties", full).status_code == 409
    assert root.put(path, {"name": "cores", **CPU}).status_code == 409
    assert root.put(path, {"name": "some", **CPU}).json == {"name": "some", **CPU}
    assert root.get(f"{things}/properties").json["properties"] == {**DOCUMENT["properties"], "some": CPU}
    assert root.delete(f"{things}/properties/some").status_code == 204
    assert root.delete(f"{things}/properties/some").status_code == root.get(path).status_code == 404
    assert root.delete(f"{things}/properties").status_code == 204
    assert root.get(f"{things}/properties").json == {"properties": {}}


def test_tags_replace_each_other_unless_they_are_to_come_beside(root: As, things: str) -> None:
    path = f"{things}/tags"
    more = {"tags": [{"name": "b"}, {"name": "c"}]}
    answer = root.post(path, more)
    assert (answer.status_code, answer.json) == (201, more)
    assert names(root.get(f"{path}?sort_key=name&sort_dir=asc"), "tags") == ["b", "c"]
    beside = {"X-Openstack-Append": "True"}
    assert root.post(path, {"tags": [{"name": "a"}]}, headers=beside).status_code == 201
    assert root.post(path, {"tags": [{"name": "a"}]}, headers=beside).status_code == 409
    page = root.get(f"{path}?sort_key=name&sort_dir=asc&limit=2").json
    assert [item["name"] for item in page["tags"]] == ["a", "b"]
    assert names(root.get(page["next"]), "tags") == ["c"]
    assert root.post(f"{path}/d").json["name"] == "d"
    assert root.post(f"{path}/d").status_code == root.put(f"{path}/d", {"name": "a"}).status_code == 409
    assert root.put(f"{path}/d", {"name": "e"}).json["name"] == "e"
    assert sorted(root.get(f"{path}/e").json) == ["created_at", "name", "updated_at"]
    assert root.delete(f"{path}/e").status_code == 204
    assert root.delete(f"{path}/e").status_code == root.get(f"{path}/d").status_code == 404
    assert root.delete(path).status_code == 204
    assert root.get(path).json["tags"] == []


def test_resource_types_are_associated_and_dissociated(root: As, things: str) -> None:
    path = f"{things}/resource_types"
    wish = {"name": "OS::Cinder::Volume", "prefix": "v:", "properties_target": "image"}
    answer = root.post(path, wish)
    assert answer.status_code == 201
    assert {name: answer.json[name] for name in wish} == wish
    assert root.post(path, wish).status_code == 409
    assert root.delete(f"{path}/OS::Cinder::Volume").status_code == 204
    assert root.delete(f"{path}/OS::Cinder::Volume").status_code == 404
    assert names(root.get(path), "resource_type_associations") == ["OS::Glance::Image", "OS::Nova::Flavor"]
    assert "OS::Cinder::Volume" in names(root.get("/v2/metadefs/resource_types"), "resource_types")


def test_out_of_a_protected_namespace_nothing_is_taken(root: As, things: str) -> None:
    assert root.put(things, {**DOCUMENT, "protected": True}).status_code == 200
    for tail in ("", "/objects", "/objects/Shape", "/properties", "/properties/cores", "/tags", "/tags/round",
                 "/resource_types/OS::Nova::Flavor"):  # fmt: skip
        assert root.delete(f"{things}{tail}").status_code == 403, tail
    assert root.post(f"{things}/tags", {"tags": []}).status_code == 403
    assert root.delete(f"{things}/tags/nothing").status_code == 404
    assert root.put(f"{things}/properties/cores", {"name": "cores", **CPU, "minimum": 2}).status_code == 200
    assert root.put(things, {"namespace": "Our::Things"}).status_code == 200
    assert root.delete(things).status_code == 204
    assert root.get(ROOT).json["namespaces"] == []


def test_a_protected_namespace_without_tags_takes_its_first(root: As) -> None:
    assert root.post(ROOT, {"namespace": "Our::Own", "protected": True}).status_code == 201
    tags = f"{ROOT}/Our::Own/tags"
    assert root.post(tags, {"tags": [{"name": "a"}]}).status_code == 201
    assert root.post(tags, {"tags": [{"name": "b"}]}).status_code == 403
    assert names(root.get(tags), "tags") == ["a"]


def test_a_namespace_has_an_end(root: As, things: str) -> None:
    many = {"tags": [{"name": f"t{i}"} for i in range(498)]}
    beside = {"X-Openstack-Append": "True"}
    assert root.post(f"{things}/tags", many, headers=beside).status_code == 201
    answer = root.post(f"{things}/tags/last")
    assert (answer.status_code, answer.json["title"]) == (413, "Request Entity Too Large")


def test_every_schema_is_published_and_describes_what_is_shown(root: As, things: str) -> None:
    shown = {
        "namespace": root.get(things).json,
        "object": root.get(f"{things}/objects/Shape").json,
        "property": root.get(f"{things}/properties/cores").json,
        "tag": root.get(f"{things}/tags/round").json,
        "resource_type": root.get(f"{things}/resource_types").json["resource_type_associations"][0],
    }
    for name, document in shown.items():
        published = root.get(f"/v2/schemas/metadefs/{name}").json
        schema.compiled(published)(document)
        assert published["additionalProperties"] is False
    for name in ("namespaces", "objects", "properties", "tags", "resource_types"):
        published = root.get(f"/v2/schemas/metadefs/{name}").json
        assert published["name"] == name.replace("resource_types", "resource_type_associations")
    assert root.get("/v2/schemas/metadefs/nothing").status_code == 404


def test_bootstrap_plants_definitions_once_and_then_they_are_the_operator_s(
    root: As, alice: As, database: Database
) -> None:
    planted = starter.plant(database)
    assert planted == [document["namespace"] for document in starter.CATALOG]
    check = schema.compiled(documents.NAMESPACE)
    for document in starter.CATALOG:
        check(document)
    assert sorted(names(alice.get(ROOT), "namespaces", "namespace")) == sorted(planted)
    types = names(alice.get("/v2/metadefs/resource_types"), "resource_types")
    assert {"OS::Glance::Image", "OS::Cinder::Volume", "OS::Nova::Flavor"} <= set(types)
    devices = alice.get(f"{ROOT}/OS::Compute::GuestDevices?resource_type=OS::Glance::Image").json["properties"]
    for word in devices["hw_disk_bus"]["enum"]:
        assert alice.create(hw_disk_bus=word)["hw_disk_bus"] == word
    gone = f"{ROOT}/OS::Glance::Snapshot"
    assert root.put(gone, {"namespace": "OS::Glance::Snapshot"}).status_code == 200
    assert root.delete(gone).status_code == 204
    assert starter.plant(database) == []
    assert root.get(gone).status_code == 404
