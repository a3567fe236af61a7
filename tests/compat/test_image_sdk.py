"""The unmodified openstacksdk against the image API over a socket."""

from __future__ import annotations

import hashlib
import io
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openstack.exceptions as faults
import pytest
import requests

from iaas.api.app import make_app
from iaas.api.image.access import EXTRA_RULES
from iaas.api.image.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.image.importer import run_one
from iaas.image.services import ImageServices, make
from iaas.image.store_set import from_values
from tests.compat.cloud import Cloud
from tests.evilimg import header as evil

MIB = 1024 * 1024
SERVICES: dict[Cloud, ImageServices] = {}


def add_image(cloud: Cloud, *stores: str, **more: Any) -> str:
    """The image API in the catalog, with further filesystem stores and options of [image]; its URL."""
    routes = collect("iaas.api.image")
    names = ("filesystem:filesystem", *(f"{store}:filesystem" for store in stores))
    options = ImageOptions(directory=str(cloud._directory / "images"), max_size=16 * MIB, stores=names, **more)
    sections = {store: ImageStore(directory=str(cloud._directory / store)) for store in stores}
    services = make(cloud.database, options, from_values(sections))
    SERVICES[cloud] = services
    policy = Policy.of_routes(routes, EXTRA_RULES)
    return cloud.add("image", make_app(DIALECT, routes, services, policy, cloud.identity.authenticate))


@pytest.fixture(scope="module")
def sdk(cloud: Cloud) -> Any:
    add_image(cloud)
    return cloud.sdk()


@pytest.fixture
def image(sdk: Any) -> Iterator[Any]:
    made = sdk.image.create_image(name="debian", disk_format="raw", container_format="bare", data=b"disk" * 1000)
    yield sdk.image.get_image(made.id)
    sdk.image.delete_image(made.id, ignore_missing=True)


def test_an_image_from_a_file_goes_up_and_comes_down_the_same(sdk: Any, tmp_path: Path) -> None:
    """A-003"""
    data = evil.qcow2() + b"tail" * MIB
    (tmp_path / "up").write_bytes(data)
    image = sdk.create_image("cloud image", filename=str(tmp_path / "up"), disk_format="qcow2", wait=True,
                             container_format="bare", meta={"os_distro": "debian", "min_disk": 1}, tags=["t"],
                             validate_checksum=True)  # fmt: skip
    assert (image.status, image.size, image.min_disk) == ("active", len(data), 1)
    assert image.hash_value == hashlib.sha512(data).hexdigest()
    assert image.virtual_size == evil.SIZE
    assert image.os_distro == "debian"
    with (tmp_path / "down").open("wb") as down:
        sdk.image.download_image(image, output=down)
    assert (tmp_path / "down").read_bytes() == data
    sdk.delete_image(image.id, wait=True)
    assert sdk.get_image("cloud image") is None


def test_a_stream_without_a_length_is_taken(sdk: Any) -> None:
    image = sdk.image.create_image(name="stream", disk_format="raw", container_format="bare")
    chunks = (b"z" * 100_000 for _ in range(30))
    answer = sdk.image.put(
        f"/images/{image.id}/file", data=chunks, headers={"Content-Type": "application/octet-stream"}
    )
    assert answer.status_code == 204
    assert sdk.image.get_image(image.id).size == 3_000_000
    assert len(sdk.image.download_image(image.id).content) == 3_000_000
    sdk.image.delete_image(image.id)


def test_lists_filter_and_follow_pages(sdk: Any, image: Any) -> None:
    others = [sdk.image.create_image(name=f"page {i}", tags=["paged"]) for i in range(5)]
    assert {item.name for item in sdk.image.images(tag="paged", limit=2)} == {f"page {i}" for i in range(5)}
    assert [item.id for item in sdk.image.images(status="active", name="debian")] == [image.id]
    assert sdk.image.find_image("debian").id == image.id
    hidden = sdk.image.update_image(others[0], is_hidden=True)
    assert sdk.image.find_image("page 0").id == hidden.id
    for item in others:
        sdk.image.delete_image(item)


def test_attributes_and_properties_change_by_patch(sdk: Any, image: Any) -> None:
    changed = sdk.image.update_image(image, name="renamed", min_ram=256, visibility="public", hw_disk_bus="virtio")
    assert (changed.name, changed.min_ram, changed.visibility) == ("renamed", 256, "public")
    assert sdk.image.get_image(image.id).hw_disk_bus == "virtio"
    sdk.image.add_tag(image, "blue")
    assert sdk.image.get_image(image.id).tags == ["blue"]
    sdk.image.remove_tag(image, "blue")
    sdk.image.deactivate_image(image)
    assert sdk.image.get_image(image.id).status == "deactivated"
    sdk.image.reactivate_image(image)
    assert sdk.image.get_image(image.id).status == "active"


def test_images_are_staged_imported_and_their_tasks_shown(cloud: Cloud, sdk: Any) -> None:
    services = SERVICES[cloud]
    image = sdk.image.create_image(name="import", disk_format="raw", container_format="bare")
    image.data = b"staged" * 1000
    sdk.image.stage_image(image, data=b"staged" * 1000)
    assert sdk.image.get_image(image.id).status == "uploading"
    sdk.image.import_image(image, method="glance-direct")
    while run_one(services):
        pass
    found = sdk.image.get_image(image.id)
    assert (found.status, found.size) == ("active", 6000)
    assert [task.status for task in sdk.image.tasks()] == ["success"]
    other = sdk.image.create_image(name="web", disk_format="raw", container_format="bare")
    wish = {"method": {"name": "web-download", "uri": "file:///etc/passwd"}}
    assert "its scheme is not allowed" in sdk.image.post(f"/images/{other.id}/import", json=wish).text
    sdk.image.delete_image(other)
    sdk.image.delete_image(image)


def test_members(sdk: Any, image: Any) -> None:
    member = sdk.image.add_member(image, member_id="other-project")
    assert (member.member_id, member.status) == ("other-project", "pending")
    assert sdk.image.update_member("other-project", image, status="accepted").status == "accepted"
    assert [item.member_id for item in sdk.image.members(image)] == ["other-project"]
    sdk.image.remove_member("other-project", image)
    assert list(sdk.image.members(image)) == []


def test_schemas_and_service_facts(sdk: Any) -> None:
    assert "disk_format" in sdk.image.get_images_schema().properties["images"]["items"]["properties"]
    assert sdk.image.get_member_schema().properties["status"]["enum"] == ["pending", "accepted", "rejected"]
    assert "web-download" in sdk.image.get_import_info().import_methods["value"]
    assert [store.id for store in sdk.image.stores()] == ["filesystem"]


def test_the_client_shows_our_words_and_the_right_class_of_fault(sdk: Any, image: Any) -> None:
    with pytest.raises(faults.NotFoundException, match="No image found with ID nothing"):
        sdk.image.get_image("nothing")
    with pytest.raises(faults.ConflictException, match="Cannot 'upload' image"):
        faults.raise_from_response(image.upload(sdk.image, data=b"x"))
    with pytest.raises(faults.BadRequestException, match="Invalid disk format 'ploop'"):
        sdk.image.create_image(name="x", disk_format="ploop", container_format="bare")
    sdk.image.update_image(image, is_protected=True)
    with pytest.raises(faults.ForbiddenException, match="is protected and cannot be deleted"):
        sdk.image.delete_image(image)
    sdk.image.update_image(image, is_protected=False)


def begun(sdk: Any, image_id: str, *headers: str) -> tuple[socket.socket, Any]:
    """An upload of which only the headers are sent, and its answers to come as a file."""
    url = urlsplit(sdk.image.get_endpoint())
    connection = socket.create_connection((url.hostname, url.port), timeout=20)
    lines = [f"PUT /v2/images/{image_id}/file HTTP/1.1", f"Host: {url.netloc}", f"X-Auth-Token: {sdk.auth_token}",
             "Content-Type: application/octet-stream", *headers]  # fmt: skip
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection, connection.makefile("rb")


def test_a_client_that_waits_for_100_is_told_to_send_its_data(sdk: Any) -> None:
    fresh = sdk.image.create_image(name="x", disk_format="raw", container_format="bare")
    connection, answers = begun(sdk, fresh.id, "Content-Length: 4", "Expect: 100-continue")
    assert answers.readline().startswith(b"HTTP/1.1 100")
    connection.sendall(b"data")
    assert answers.readline() == b"\r\n"
    assert answers.readline().startswith(b"HTTP/1.1 204")
    connection.close()
    assert sdk.image.get_image(fresh.id).size == 4
    sdk.image.delete_image(fresh)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (("Content-Length: 2000000",), b"z" * 1_500_000),
        (("Transfer-Encoding: chunked",), b"100000\r\n" + b"z" * 0x100000 + b"\r\n100000\r\nzz"),
    ],
    ids=["length", "chunks"],
)
def test_a_client_that_vanishes_leaves_a_queued_image_and_no_bytes(
    cloud: Cloud, sdk: Any, headers: tuple[str, ...], sent: bytes
) -> None:
    """S-022, F-64: over a socket; the server's worker notices when it reads on."""
    before = sdk.image.get("/info/usage").json()
    fresh = sdk.image.create_image(name="x", disk_format="raw", container_format="bare")
    connection, _ = begun(sdk, fresh.id, *headers)
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):  # until the server has ended it
        pass
    connection.close()
    assert sdk.image.get_image(fresh.id).status == "queued"
    sdk.image.delete_image(fresh)
    assert sdk.image.get("/info/usage").json() == before
    assert not [path for path in (cloud._directory / "images").rglob("*") if path.is_file()]


def test_a_refused_upload_is_answered_although_the_client_is_still_sending(cloud: Cloud, sdk: Any) -> None:
    """S-022: over the cap with and without a length, and hostile from the first byte."""
    url = sdk.image.get_endpoint().rstrip("/")
    headers = {"X-Auth-Token": sdk.auth_token, "Content-Type": "application/octet-stream"}
    hostile = evil.qcow2(backing=b"/etc/shadow") + bytes(8 * MIB)
    bodies: list[tuple[str, Any, int]] = [
        ("raw", io.BytesIO(bytes(20 * MIB)), 413),
        ("raw", (bytes(MIB) for _ in range(20)), 413),
        ("qcow2", io.BytesIO(hostile), 400),
        ("raw", io.BytesIO(hostile), 400),
    ]
    for declared, body, status in bodies:
        image = sdk.image.create_image(name="x", disk_format=declared, container_format="bare")
        answer = requests.put(f"{url}/images/{image.id}/file", data=body, headers=headers, timeout=30)
        assert answer.status_code == status, answer.text
        assert sdk.image.get_image(image.id).status == "queued"
        sdk.image.delete_image(image)
    assert not [path for path in (cloud._directory / "images").rglob("*") if path.is_file()]
