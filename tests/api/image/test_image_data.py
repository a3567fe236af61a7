"""Data of images over the API: upload, download, what is refused, and that nothing stays behind."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from iaas import failpoints
from iaas.db import quotas
from iaas.image.services import ImageServices
from tests.api.image.conftest import MIB, As, stored

OCTETS = {"Content-Type": "application/octet-stream"}


class Stream(io.RawIOBase):
    """A body without a length, as a server that ends chunked bodies gives it; ``hook`` runs before a read."""

    def __init__(self, size: int, hook: Callable[[int], None] | None = None) -> None:
        self.left, self.read_so_far, self.hook = size, 0, hook

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.hook:
            self.hook(self.read_so_far)
        count = min(len(buffer), self.left, 100_000)
        buffer[:count] = b"z" * count
        self.left -= count
        self.read_so_far += count
        return count


def put_stream(who: As, image_id: str, stream: Stream, announced: int | None = None) -> Any:
    environ: dict[str, Any] = {"wsgi.input": stream, "wsgi.input_terminated": True}
    if announced is not None:
        environ["CONTENT_LENGTH"] = str(announced)
    return who.call("PUT", f"/v2/images/{image_id}/file", headers=OCTETS, environ_overrides=environ)


def used(services: ImageServices, project: str = "alpha") -> int:
    with services.database.read() as tx:
        return quotas.usage(tx, project).get("image_bytes", 0)


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.disarm()


def test_an_uploaded_image_comes_back_with_its_checksums(alice: As, services: ImageServices) -> None:
    """A-003"""
    data = bytes(range(256)) * 10_000
    image = alice.active(data)
    assert image["status"] == "active"
    assert (image["size"], image["virtual_size"]) == (len(data), len(data))
    assert image["checksum"] == hashlib.md5(data).hexdigest()
    assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha512", hashlib.sha512(data).hexdigest())
    answer = alice.get(image["file"])
    assert answer.status_code == 200
    assert answer.data == data
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(data))
    assert answer.headers["Content-MD5"] == image["checksum"]
    assert stored(services) == [f"{image['id']}.1"]
    assert used(services) == len(data)


def test_a_body_without_a_length_is_streamed(alice: As, services: ImageServices) -> None:
    image = alice.create()
    assert put_stream(alice, image["id"], Stream(3 * MIB + 17)).status_code == 204
    assert alice.get(image["self"]).json["size"] == 3 * MIB + 17
    assert used(services) == 3 * MIB + 17


@pytest.mark.parametrize(
    ("asked", "status", "expected", "content_range"),
    [
        ("bytes=2-5", 206, b"2345", "bytes 2-5/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_range_of_bytes(alice: As, asked: str, status: int, expected: bytes, content_range: str | None) -> None:
    image = alice.active(b"0123456789")
    answer = alice.get(image["file"], headers={"Range": asked})
    assert (answer.status_code, answer.data) == (status, expected)
    assert answer.headers.get("Content-Range") == content_range


def test_a_range_outside_is_416(alice: As) -> None:
    image = alice.active(b"0123456789")
    for asked in ("bytes=10-", "bytes=5-4", "bytes=-0"):
        answer = alice.get(image["file"], headers={"Range": asked})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{image['size']}")


def test_a_download_that_broke_goes_on_while_the_data_are_the_same(alice: As) -> None:
    image = alice.active(b"0123456789")
    tag = alice.get(image["file"]).headers["ETag"]
    assert tag == f'"{image["os_hash_value"]}"'
    rest = alice.get(image["file"], headers={"Range": "bytes=4-", "If-Range": tag})
    assert (rest.status_code, rest.data, rest.headers["ETag"]) == (206, b"456789", tag)
    other = alice.get(image["file"], headers={"Range": "bytes=4-", "If-Range": '"other"'})
    assert (other.status_code, other.data) == (200, b"0123456789")
    for known, status in ((tag, 304), (f'"a", W/{tag}', 304), ("*", 304), ('"other"', 200)):
        answer = alice.get(image["file"], headers={"If-None-Match": known})
        assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
        assert bool(answer.data) == (status == 200)


def test_a_head_says_what_a_get_would_send_and_sends_nothing(alice: As) -> None:
    image = alice.active(b"0123456789")
    got, head = alice.get(image["file"]), alice.call("HEAD", image["file"])
    assert (head.status_code, head.data) == (200, b"")
    for name in ("Content-Length", "Content-MD5", "ETag", "Accept-Ranges", "Content-Type"):
        assert head.headers[name] == got.headers[name]


def test_a_queued_image_has_no_content(alice: As) -> None:
    assert alice.get(alice.create()["file"]).status_code == 204


def test_data_are_uploaded_once(alice: As, services: ImageServices) -> None:
    """S-018"""
    image = alice.active(b"first")
    answer = alice.upload(image["id"], b"second")
    assert answer.status_code == 409
    assert answer.json["title"] == "Conflict"
    assert alice.get(image["file"]).data == b"first"
    assert used(services) == 5


def test_an_upload_needs_octets_and_formats(alice: As) -> None:
    image = alice.create()
    path = f"/v2/images/{image['id']}/file"
    answer = alice.call("PUT", path, data=b"x", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.headers["Accept"]) == (415, "application/octet-stream")
    bare = alice.post("/v2/images", {"name": "no formats"}).json
    assert alice.upload(bare["id"], b"x").status_code == 400
    assert alice.get(f"/v2/images/{bare['id']}").json["status"] == "queued"


def assert_as_if_nothing_happened(alice: As, services: ImageServices, image: dict[str, Any]) -> None:
    assert alice.get(image["self"]).json["status"] == "queued"
    assert alice.get(image["self"]).json["size"] is None
    assert stored(services) == []
    assert used(services) == 0
    assert alice.upload(image["id"], b"at last").status_code == 204
    assert alice.get(image["file"]).data == b"at last"


def test_data_whose_signature_can_not_be_verified_are_not_taken(alice: As, services: ImageServices) -> None:
    """As published: a signed image is active only once its signature was verified; some of the names alone mean
    nothing."""
    names = ("hash_method", "key_type", "certificate_uuid")
    signed = alice.create(img_signature="abcd", **{f"img_signature_{name}": "x" for name in names})
    for where, answer in (
        ("file", alice.upload(signed["id"], b"x")),
        (
            "import",
            alice.post(f"{signed['self']}/import", {"method": {"name": "web-download", "uri": "http://a.example/"}}),
        ),
    ):
        assert (answer.status_code, "Signature verification failed" in answer.json["message"]) == (400, True), where
    assert (alice.get(signed["self"]).json["status"], stored(services)) == ("queued", [])
    assert alice.patch(signed["self"], {"op": "remove", "path": "/img_signature"}).status_code == 200
    assert alice.upload(signed["id"], b"x").status_code == 204


def test_an_endless_body_is_cut_at_the_cap(alice: As, services: ImageServices) -> None:
    """S-022"""
    image = alice.create()
    stream = Stream(1 << 40)
    assert put_stream(alice, image["id"], stream).status_code == 413
    assert stream.read_so_far <= 4 * MIB + 1
    assert_as_if_nothing_happened(alice, services, image)


def test_a_length_over_the_cap_is_refused_before_a_byte_is_read(alice: As, services: ImageServices) -> None:
    """S-022"""
    image = alice.create()
    stream = Stream(1 << 40)
    answer = put_stream(alice, image["id"], stream, announced=1 << 40)
    assert answer.status_code == 413
    assert stream.read_so_far == 0
    assert_as_if_nothing_happened(alice, services, image)


@pytest.mark.parametrize(("announced", "sent"), [(1000, 999), (1000, 0), (MIB, MIB - 1)])
def test_less_than_announced_is_a_client_that_went_away(
    alice: As, services: ImageServices, announced: int, sent: int
) -> None:
    """S-022, F-64"""
    image = alice.create()
    answer = put_stream(alice, image["id"], Stream(sent), announced)
    assert answer.status_code == 400
    assert_as_if_nothing_happened(alice, services, image)


def test_a_wrong_size_beside_a_chunked_body_is_refused(alice: As, services: ImageServices) -> None:
    image = alice.create()
    environ = {"wsgi.input": Stream(10), "wsgi.input_terminated": True}
    for said, status in (("9", 400), ("11", 400), ("ten", 400)):
        environ["wsgi.input"] = Stream(10)
        answer = alice.call("PUT", f"/v2/images/{image['id']}/file",
                            headers={**OCTETS, "X-OpenStack-Image-Size": said}, environ_overrides=environ)  # fmt: skip
        assert answer.status_code == status
    assert_as_if_nothing_happened(alice, services, image)


@pytest.mark.parametrize("percent", range(0, 100, 10))
def test_a_client_that_vanishes_leaves_a_queued_image_and_no_bytes(
    alice: As, services: ImageServices, percent: int
) -> None:
    """F-64"""
    size = 3 * MIB

    def vanish(so_far: int) -> None:
        if so_far >= size * percent // 100:
            raise ConnectionResetError("the client went away")

    image = alice.create()
    assert put_stream(alice, image["id"], Stream(size, vanish)).status_code == 500
    assert_as_if_nothing_happened(alice, services, image)


def test_of_two_uploads_one_wins_and_the_other_gets_409(api: Any, services: ImageServices) -> None:
    """F-64"""
    alice = api("alice")
    image = alice.create()
    gate = threading.Barrier(2)
    statuses: list[int] = []

    def run() -> None:
        who = api("alice")
        gate.wait(10)
        statuses.append(put_stream(who, image["id"], Stream(2 * MIB)).status_code)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [204, 409]
    assert alice.get(image["self"]).json["size"] == 2 * MIB
    assert used(services) == 2 * MIB
    assert len(stored(services)) == 1


def test_an_image_shows_saving_while_its_data_arrive(alice: As) -> None:
    image = alice.create()
    seen: list[str] = []

    def look(so_far: int) -> None:
        if so_far == 0:
            seen.append(alice.get(image["self"]).json["status"])
            seen.append(str(len(alice.get("/v2/images?status=saving").json["images"])))
            seen.append(str(alice.get(image["file"]).status_code))

    assert put_stream(alice, image["id"], Stream(1000, look)).status_code == 204
    assert seen[:3] == ["saving", "1", "204"]


def test_a_delete_during_the_upload_ends_it_with_410_and_no_bytes(alice: As, services: ImageServices) -> None:
    """S-023, F-83"""
    for at in (0, MIB, 2 * MIB):
        image = alice.create()

        def end(so_far: int, image: dict[str, Any] = image, at: int = at) -> None:
            if so_far >= at and alice.get(image["self"]).status_code == 200:
                assert alice.delete(image["self"]).status_code == 204

        assert put_stream(alice, image["id"], Stream(3 * MIB, end)).status_code == 410
        assert alice.get(image["self"]).status_code == 404
        assert stored(services) == []
        assert used(services) == 0


def test_the_quota_counts_announced_and_unannounced_bytes(alice: As, services: ImageServices) -> None:
    """S-107"""
    alice.active(b"x" * (3 * MIB))
    image = alice.create()
    assert alice.upload(image["id"], b"x" * (3 * MIB + 1)).status_code == 413
    assert put_stream(alice, image["id"], Stream(3 * MIB + 1)).status_code == 413
    assert used(services) == 3 * MIB
    assert put_stream(alice, image["id"], Stream(3 * MIB)).status_code == 204
    assert used(services) == 6 * MIB
    assert alice.delete(image["self"]).status_code == 204
    assert used(services) == 3 * MIB


def test_racing_uploads_never_pass_the_quota_together(api: Any, services: ImageServices) -> None:
    """S-107: twelve uploads of 1 MiB into a quota of 6 MiB."""
    images = [api("alice").create() for _ in range(12)]
    statuses: list[int] = []

    def run(image: dict[str, Any]) -> None:
        statuses.append(api("alice").upload(image["id"], b"x" * MIB).status_code)

    threads = [threading.Thread(target=run, args=(image,)) for image in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(statuses) == [204] * 6 + [413] * 6
    assert used(services) == 6 * MIB
    assert len(stored(services)) == 6


def test_a_full_store_is_413_without_residue(alice: As, services: ImageServices, monkeypatch: Any) -> None:
    """F-63"""
    image = alice.create()
    monkeypatch.setattr("iaas.image.stores.filesystem.RESERVE", 1 << 60)
    assert alice.upload(image["id"], b"x" * MIB).status_code == 413
    monkeypatch.undo()
    assert_as_if_nothing_happened(alice, services, image)


def test_a_deactivated_image_is_read_by_administrators_only(alice: As, root: As, api: Any) -> None:
    image = alice.active(b"data")
    assert alice.post(f"{image['self']}/actions/deactivate").status_code == 204
    assert alice.post(f"{image['self']}/actions/deactivate").status_code == 204
    assert alice.get(image["self"]).json["status"] == "deactivated"
    assert alice.get(image["file"]).status_code == api("nova").get(image["file"]).status_code == 403
    assert root.get(image["file"]).data == b"data"
    assert alice.post(f"{image['self']}/actions/reactivate").status_code == 204
    assert alice.get(image["file"]).data == b"data"
    queued = alice.create()
    assert alice.post(f"{queued['self']}/actions/deactivate").status_code == 403


def test_the_platform_reads_any_image_and_changes_none(alice: As, api: Any) -> None:
    image = alice.active(b"data", visibility="private")
    nova = api("nova")
    assert nova.get(image["file"]).data == b"data"
    assert nova.delete(image["self"]).status_code == 403
    assert nova.patch(image["self"], {"op": "replace", "path": "/name", "value": "x"}).status_code == 403
    assert nova.upload(alice.create()["id"], b"x").status_code == 403


def test_hostile_data_never_become_active(alice: As, services: ImageServices) -> None:
    """S-001, S-004, S-007: the matrix of formats is in the inspector's own tests."""
    header = b"QFI\xfb" + (3).to_bytes(4, "big") + (104).to_bytes(8, "big") + bytes(1000)
    for declared, data in (("qcow2", header), ("raw", header), ("qcow2", b"raw data" * 1000), ("qcow2", b"")):
        image = alice.create(disk_format=declared)
        answer = alice.upload(image["id"], data)
        assert answer.status_code == 400, answer.text
        assert alice.get(image["self"]).json["status"] == "queued"
    assert stored(services) == []
    assert used(services) == 0
