"""python-glanceclient, unmodified and in this process: it builds its objects from our schemas and refuses whatever does
not fit them, so each answer is checked twice."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glanceclient
import pytest
from glanceclient import exc
from glanceclient.common import utils

from iaas.image import starter
from tests.compat.cloud import Cloud
from tests.compat.test_image_sdk import MIB, add_image

NAMESPACE = "Test::Shapes"
FORMATS = {"disk_format": "raw", "container_format": "bare"}


@pytest.fixture(scope="module")
def glance(cloud: Cloud) -> Any:
    add_image(cloud)
    starter.plant(cloud.database)
    return glanceclient.Client("2", session=cloud.session())


@pytest.fixture
def image(glance: Any) -> Iterator[Any]:
    made = glance.images.create(name="debian", disk_format="raw", container_format="bare", tags=["a"], colour="red")
    glance.images.upload(made.id, io.BytesIO(b"disk" * 1000), image_size=4000)
    yield glance.images.get(made.id)
    glance.images.update(made.id, protected=False)
    glance.images.delete(made.id)


@pytest.fixture
def namespace(glance: Any) -> Iterator[str]:
    glance.metadefs_namespace.create(namespace=NAMESPACE, visibility="public", description="shapes")
    yield NAMESPACE
    glance.metadefs_namespace.delete(NAMESPACE)


def test_an_image_goes_up_and_comes_down_verified(glance: Any, tmp_path: Path) -> None:
    """A-170, A-173, A-174, A-175"""
    data = bytes(range(256)) * 4096
    made = glance.images.create(name="naïve 🐧", disk_format="raw", container_format="bare")
    assert (made.status, made.visibility) == ("queued", "shared")
    glance.images.upload(made.id, io.BytesIO(data))
    shown = glance.images.get(made.id)
    assert (shown.name, shown.status, shown.size) == ("naïve 🐧", "active", MIB)
    assert shown.os_hash_value == hashlib.sha512(data).hexdigest()
    body = glance.images.data(made.id)
    utils.save_image(body, str(tmp_path / "down"))
    assert (tmp_path / "down").read_bytes() == data
    glance.images.delete(made.id)
    with pytest.raises(exc.HTTPNotFound):
        glance.images.get(made.id)


def test_a_queued_image_has_no_data(glance: Any) -> None:
    """A-175"""
    made = glance.images.create(name="empty")
    assert glance.images.data(made.id).wrapped is None
    glance.images.delete(made.id)


def test_attributes_and_properties_change_together(glance: Any, image: Any) -> None:
    changed = glance.images.update(image.id, remove_props=["colour"], name="new", min_disk=2, taste="sweet")
    assert (changed.name, changed.min_disk, changed.taste) == ("new", 2, "sweet")
    assert "colour" not in changed
    with pytest.raises(exc.HTTPForbidden):
        glance.images.update(image.id, remove_props=["name"])
    with pytest.raises(exc.HTTPForbidden):  # S-018
        glance.images.update(image.id, disk_format="qcow2")


def test_lists_filter_sort_and_follow_pages(glance: Any, image: Any) -> None:
    """A-172, S-113"""
    others = [glance.images.create(name=f"n{i}", tags=["paged"]) for i in range(5)]
    assert [item.name for item in glance.images.list(filters={"tag": ["paged"]}, page_size=2, sort="name:asc")] == [
        f"n{i}" for i in range(5)
    ]
    found = glance.images.list(filters={"name": "in:n1,n3"}, sort_key=["name"], sort_dir=["desc"])
    assert [item.name for item in found] == ["n3", "n1"]
    assert [item.id for item in glance.images.list(filters={"status": "active", "colour": "red"})] == [image.id]
    assert [item.id for item in glance.images.list(filters={"created_at": f"gte:{image.created_at}", "name": "n0"})]
    assert len(list(glance.images.list(limit=3))) == 3
    with pytest.raises(exc.HTTPBadRequest):
        list(glance.images.list(filters={"visibility": "none"}))
    for item in others:
        glance.images.delete(item.id)


def test_members_share_and_answer(glance: Any, image: Any) -> None:
    """A-102, S-026"""
    assert glance.image_members.create(image.id, "other").status == "pending"
    assert glance.image_members.update(image.id, "other", "accepted").status == "accepted"
    assert [item.member_id for item in glance.image_members.list(image.id)] == ["other"]
    assert glance.image_members.get(image.id, "other").status == "accepted"
    glance.image_members.delete(image.id, "other")
    assert list(glance.image_members.list(image.id)) == []
    with pytest.raises(exc.HTTPConflict):
        glance.image_members.create(image.id, "twice")
        glance.image_members.create(image.id, "twice")


def test_tags_and_the_switch(glance: Any, image: Any) -> None:
    glance.image_tags.update(image.id, "b")
    glance.image_tags.delete(image.id, "a")
    assert glance.images.get(image.id).tags == ["b"]
    glance.images.deactivate(image.id)
    assert glance.images.get(image.id).status == "deactivated"
    glance.images.reactivate(image.id)
    glance.images.update(image.id, protected=True)
    with pytest.raises(exc.HTTPForbidden):
        glance.images.delete(image.id)


def test_data_of_an_active_image_stay_what_they_are(glance: Any, image: Any) -> None:
    """S-018"""
    with pytest.raises(exc.HTTPConflict):
        glance.images.upload(image.id, io.BytesIO(b"other"))
    assert b"".join(glance.images.data(image.id)) == b"disk" * 1000


def test_stores_tasks_and_a_cache_that_is_not_offered(glance: Any, image: Any) -> None:
    assert [store["id"] for store in glance.images.get_stores_info()["stores"]] == ["filesystem"]
    assert "glance-direct" in glance.images.get_import_info()["import-methods"]["value"]
    assert glance.images.get_associated_image_tasks(image.id)["tasks"] == []
    assert list(glance.tasks.list()) == []
    with pytest.raises(exc.HTTPNotImplemented):
        glance.cache.list()
    assert [place["url"] for place in glance.images.get_image_locations(image.id)] == [f"filesystem://{image.id}.1"]
    with pytest.raises(exc.HTTPBadRequest, match="no store for this location"):
        glance.images.add_image_location(glance.images.create(name="x", **FORMATS).id, "http://192.0.2.1/x")


def test_facts_about_the_service(glance: Any) -> None:
    assert glance.info.get_usage()["image_count_total"]["limit"] == 1000
    versions = list(glance.versions.list())
    assert [item["status"] for item in versions].count("CURRENT") == 1
    assert {"id", "name", "status"} <= {item.name for item in glance.schemas.get("image").properties}


def test_namespaces(glance: Any, namespace: str) -> None:
    found = list(glance.metadefs_namespace.list(page_size=2, sort_key="namespace", sort_dir="asc"))
    assert [item.namespace for item in found] == sorted([namespace, *(x["namespace"] for x in starter.CATALOG)])
    images = list(glance.metadefs_namespace.list(filters={"resource_types": ["OS::Nova::Aggregate"]}))
    assert [item.namespace for item in images] == ["OS::Compute::AggregateSpecs"]
    changed = glance.metadefs_namespace.update(namespace, display_name="Shapes")
    assert (changed.display_name, changed.description, changed.visibility) == ("Shapes", "shapes", "public")
    prefixed = glance.metadefs_namespace.get("OS::Compute::VirtCPUTopology", resource_type="OS::Nova::Flavor")
    assert "hw:cpu_cores" in prefixed.properties
    with pytest.raises(exc.HTTPConflict):
        glance.metadefs_namespace.create(namespace=namespace)


def test_objects_of_a_namespace(glance: Any, namespace: str) -> None:
    side = {"title": "Side", "type": "integer", "minimum": 1}
    made = glance.metadefs_object.create(namespace, name="Square", properties={"side": side}, required=["side"])
    assert made.properties == {"side": side}
    changed = glance.metadefs_object.update(namespace, "Square", name="Box", description="d")
    assert (changed.name, changed.description, changed.required) == ("Box", "d", ["side"])
    assert [item.name for item in glance.metadefs_object.list(namespace)] == ["Box"]
    glance.metadefs_object.delete(namespace, "Box")
    glance.metadefs_object.delete_all(namespace)
    with pytest.raises(exc.HTTPNotFound):
        glance.metadefs_object.get(namespace, "Box")


def test_properties_of_a_namespace(glance: Any, namespace: str) -> None:
    made = glance.metadefs_property.create(namespace, name="side", title="Side", type="integer", minimum=1)
    assert (made.name, made.minimum) == ("side", 1)
    changed = glance.metadefs_property.update(namespace, "side", title="Edge")
    assert (changed.title, changed.minimum) == ("Edge", 1)
    assert [(item.name, item.title) for item in glance.metadefs_property.list(namespace)] == [("side", "Edge")]
    glance.metadefs_property.delete(namespace, "side")
    glance.metadefs_property.delete_all(namespace)
    assert list(glance.metadefs_property.list(namespace)) == []


def test_tags_of_a_namespace(glance: Any, namespace: str) -> None:
    glance.metadefs_tag.create(namespace, "round")
    made = glance.metadefs_tag.create_multiple(namespace, tags=["b", "c"])
    assert sorted(item.name for item in made) == ["b", "c"]
    glance.metadefs_tag.create(namespace, "d")
    assert sorted(item.name for item in glance.metadefs_tag.list(namespace)) == ["b", "c", "d"]
    assert glance.metadefs_tag.update(namespace, "b", name="e").name == "e"
    glance.metadefs_tag.delete(namespace, "e")
    glance.metadefs_tag.delete_all(namespace)
    assert list(glance.metadefs_tag.list(namespace)) == []


def test_resource_types(glance: Any, namespace: str) -> None:
    made = glance.metadefs_resource_type.associate(namespace, name="OS::Test::Thing", prefix="t_")
    assert (made.name, made.prefix) == ("OS::Test::Thing", "t_")
    assert [item.name for item in glance.metadefs_resource_type.get(namespace)] == ["OS::Test::Thing"]
    assert "OS::Glance::Image" in [item.name for item in glance.metadefs_resource_type.list()]
    glance.metadefs_resource_type.deassociate(namespace, "OS::Test::Thing")


def test_a_namespace_document_that_was_shown_makes_the_same_namespace_again(glance: Any, tmp_path: Path) -> None:
    """What md-namespace-create --file … does with a document from another cloud."""
    shown = dict(glance.metadefs_namespace.get("OS::Compute::Hypervisor"))
    document = {name: value for name, value in shown.items() if name not in ("created_at", "updated_at", "schema")}
    document |= {"namespace": "Copy::Hypervisor", "protected": False}
    copy = glance.metadefs_namespace.create(**json.loads(json.dumps(document)))
    assert copy.properties == shown["properties"]
    glance.metadefs_namespace.delete("Copy::Hypervisor")


def test_openstacksdk_agrees_on_definitions(cloud: Cloud, glance: Any, namespace: str) -> None:
    sdk = cloud.sdk().image
    sdk.create_metadef_property(namespace, name="side", title="Side", type="integer", maximum=9)
    assert sdk.get_metadef_property("side", namespace).maximum == 9
    assert [item.name for item in sdk.metadef_properties(namespace)] == ["side"]
    sdk.create_metadef_object(namespace, name="Box")
    assert [item.name for item in sdk.metadef_objects(namespace)] == ["Box"]
    sdk.get_metadef_namespace(namespace).set_tags(sdk, ["round"])
    sdk.get_metadef_namespace(namespace).set_tags(
        sdk, ["flat"], append=True
    )  # glanceclient can't: it fails in its own code
    assert sorted(item.name for item in glance.metadefs_tag.list(namespace)) == ["flat", "round"]
    sdk.create_metadef_resource_type_association(namespace, name="OS::Test::Thing")
    assert [item.name for item in sdk.metadef_resource_type_associations(namespace)] == ["OS::Test::Thing"]
    assert sdk.update_metadef_namespace(namespace, is_protected=True).is_protected
    with pytest.raises(Exception, match="protected"):
        sdk.delete_metadef_namespace(namespace, ignore_missing=False)
    sdk.update_metadef_namespace(namespace, is_protected=False)
    assert sdk.get_metadef_namespaces_schema().properties["namespaces"]["items"]["name"] == "namespace"
    assert len(list(sdk.metadef_namespaces(limit=2))) == len(starter.CATALOG) + 1
