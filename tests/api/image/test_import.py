"""Interoperable import: staged data, data of the web, copies; tasks; and a death at every point."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore
from iaas.db import quotas
from iaas.db.engine import Database
from iaas.db.image import tasks
from iaas.errors import Unavailable
from iaas.image import delete as deletion
from iaas.image.importer import TRIES, run_one
from iaas.image.intake import LEASE_S
from iaas.image.services import ImageServices, make
from iaas.image.store_set import from_values
from iaas.image.sweep import sweep
from tests.api.image.conftest import MIB, As, served
from tests.evilimg import header as evil
from tests.unit.image.canary import Canary, serving

DATA = b"d" * (MIB + 1000)
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    with serving() as found:
        yield found


@pytest.fixture
def services(database: Database, options: ImageOptions, tmp_path: Path, canary: Canary) -> Iterator[ImageServices]:
    options = replace(
        options, stores=("fast:filesystem", "slow:filesystem", "web:http"), web_ports=(str(canary.port),),
        web_networks=("127.0.0.1/32",),
    )  # fmt: skip
    yield make(database, options, from_values({"fast": ImageStore(directory=str(tmp_path / "fast"))}))
    failpoints.disarm()


def stage(api: As, image_id: str, data: bytes = DATA) -> Any:
    return api.call("PUT", f"/v2/images/{image_id}/stage", data=data, headers=OCTETS)


def staged(api: As, data: bytes = DATA, **body: Any) -> str:
    image_id: str = api.create(**body)["id"]
    assert stage(api, image_id, data).status_code == 204
    return image_id


def wish(api: As, image_id: str, method: str = "glance-direct", uri: str | None = None, **more: Any) -> Any:
    method_ = {"name": method} | ({"uri": uri} if uri else {})
    return api.post(f"/v2/images/{image_id}/import", {"method": method_, **more})


def work(services: ImageServices) -> None:
    while run_one(services):
        pass


def show(api: As, image_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v2/images/{image_id}").json
    return found


def last_task(api: As, image_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v2/images/{image_id}/tasks").json["tasks"][0]
    return found


def blobs(services: ImageServices) -> dict[str, int]:
    return {place.id: len(list(place.store.inventory())) for place in services.stores.all if place.id != "web"}


def used(services: ImageServices) -> int:
    with services.database.read() as tx:
        return quotas.usage(tx, "alpha").get("image_bytes", 0)


def test_what_can_be_imported_and_where_to_is_told(alice: As) -> None:
    methods = ["glance-direct", "web-download", "copy-image"]
    assert alice.get("/v2/info/import").json["import-methods"]["value"] == methods
    answer = alice.post("/v2/images", {"name": "x"})
    assert answer.headers["OpenStack-image-import-methods"] == ",".join(methods)
    assert answer.headers["OpenStack-image-store-ids"] == "fast,slow"


def test_without_methods_there_is_no_import(services: ImageServices) -> None:
    """As published: 404; the stores are told all the same."""
    alice = As(served(replace(services, options=replace(services.options, import_methods=()))).test_client(), "alice")
    answer = alice.post("/v2/images", {"disk_format": "raw", "container_format": "bare"})
    assert "OpenStack-image-import-methods" not in answer.headers
    assert answer.headers["OpenStack-image-store-ids"] == "fast,slow"
    image_id = answer.json["id"]
    assert stage(alice, image_id).status_code == wish(alice, image_id).status_code == 404
    assert alice.get("/v2/info/import").json["import-methods"]["value"] == []


def test_staged_data_are_imported_and_nothing_stays_on_the_stage(alice: As, services: ImageServices) -> None:
    image_id = staged(alice)
    assert show(alice, image_id)["status"] == "uploading"
    assert alice.get(f"/v2/images/{image_id}/file").status_code == 204
    assert [image["id"] for image in alice.get("/v2/images?status=uploading").json["images"]] == [image_id]
    assert used(services) == len(DATA)
    usage = alice.get("/v2/info/usage").json["usage"]
    assert (usage["image_stage_total"], usage["image_size_total"]["usage"]) == ({"usage": 2, "limit": -1}, 2)
    assert wish(alice, image_id).status_code == 202
    assert alice.get("/v2/info/usage").json["usage"]["image_stage_total"]["usage"] == 0
    found = show(alice, image_id)
    assert (found["status"], found["os_glance_importing_to_stores"]) == ("importing", "fast")
    assert wish(alice, image_id).status_code == 409
    work(services)
    found = show(alice, image_id)
    assert (found["status"], found["size"], found["stores"]) == ("active", len(DATA), "fast")
    assert found["os_hash_value"] == hashlib.sha512(DATA).hexdigest()
    assert "os_glance_importing_to_stores" not in found
    assert alice.get(f"/v2/images/{image_id}/file").data == DATA
    assert (blobs(services), used(services)) == ({"fast": 1, "slow": 0, "staging": 0}, len(DATA))
    task = last_task(alice, image_id)
    assert (task["status"], task["type"], task["image_id"]) == ("success", "api_image_import", image_id)
    assert task["input"]["backend"] == ["fast"]
    assert task["result"] == {"image_id": image_id}


def test_an_import_to_all_stores_counts_every_copy(alice: As, services: ImageServices) -> None:
    image_id = staged(alice)
    assert wish(alice, image_id, all_stores=True).status_code == 202
    work(services)
    assert show(alice, image_id)["stores"] == "fast,slow"
    assert (blobs(services), used(services)) == ({"fast": 1, "slow": 1, "staging": 0}, 2 * len(DATA))


def test_hostile_data_are_refused_at_the_import_and_leave_nothing(alice: As, services: ImageServices) -> None:
    """S-001"""
    image_id = staged(alice, evil.qcow2(backing=b"/etc/shadow"), disk_format="qcow2")
    assert wish(alice, image_id).status_code == 202
    work(services)
    found = show(alice, image_id)
    assert (found["status"], found["os_glance_failed_import"]) == ("queued", "fast")
    task = last_task(alice, image_id)
    assert task["status"] == "failure"
    assert "backing file" in task["message"]
    assert (blobs(services), used(services)) == ({"fast": 0, "slow": 0, "staging": 0}, 0)
    assert stage(alice, image_id, evil.qcow2()).status_code == 204
    wish(alice, image_id)
    work(services)
    assert show(alice, image_id)["status"] == "active"


def test_only_queued_images_are_staged_and_within_the_quota(alice: As, bob: As, services: ImageServices) -> None:
    """S-022, S-023"""
    image_id = staged(alice)
    assert stage(alice, image_id).status_code == 409
    assert stage(bob, image_id).status_code == 404
    assert stage(alice, alice.active()["id"]).status_code == 409
    fresh = alice.create()["id"]
    assert alice.call("PUT", f"/v2/images/{fresh}/stage", data=b"x", headers={"Content-Type": "x/y"}).status_code == 415
    assert stage(alice, fresh, bytes(5 * MIB)).status_code == 413
    assert stage(alice, fresh, bytes(3 * MIB)).status_code == 204
    assert stage(alice, alice.create()["id"], bytes(3 * MIB)).status_code == 413
    for id in (image_id, fresh):
        assert alice.delete(f"/v2/images/{id}").status_code == 204
    assert blobs(services)["staging"] == 0
    assert used(services) == 1000


def test_the_web_is_read_into_the_stores_asked_for(alice: As, services: ImageServices, canary: Canary) -> None:
    canary.pages["/good"] = (200, {}, DATA)
    image_id = alice.create()["id"]
    assert wish(alice, image_id, "web-download", canary.url("/good"), stores=["slow"]).status_code == 202
    work(services)
    found = show(alice, image_id)
    assert (found["status"], found["stores"], found["size"]) == ("active", "slow", len(DATA))
    assert used(services) == len(DATA)


def test_a_download_that_fails_leaves_a_queued_image_and_says_why(
    alice: As, services: ImageServices, canary: Canary, clock: ManualClock
) -> None:
    canary.pages["/large"] = (200, {"Content-Length": ""}, bytes(5 * MIB))
    canary.pages["/short"] = (200, {"Content-Length": str(len(DATA) + 1)}, DATA)
    image_id = alice.create()["id"]
    for path, words in (("/large", "exceeds"), ("/short", "announced"), ("/none", "answers 404")):
        assert wish(alice, image_id, "web-download", canary.url(path)).status_code == 202
        work(services)
        clock.advance(1)
        assert show(alice, image_id)["status"] == "queued"
        task = last_task(alice, image_id)
        assert (task["status"], words in task["message"]) == ("failure", True), task["message"]
    assert (blobs(services), used(services)) == ({"fast": 0, "slow": 0, "staging": 0}, 0)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"method": {"name": "web-download", "uri": "file:///etc/passwd"}}, 400),
        ({"method": {"name": "web-download", "uri": "http://127.0.0.1:22/"}}, 400),
        ({"method": {"name": "web-download"}}, 400),
        ({"method": {"name": "glance-download", "glance_image_id": "x", "glance_region": "y"}}, 400),
        ({"method": {"name": "web-download", "uri": "{good}"}, "stores": ["nowhere"]}, 409),
        ({"method": {"name": "web-download", "uri": "{good}"}, "stores": ["fast"], "all_stores": True}, 400),
        ({"method": {"name": "glance-direct"}}, 409),
        ({"method": {"name": "copy-image"}, "all_stores": True}, 403),
        ({}, 400),
    ],
    ids=["scheme", "port", "no-url", "method", "store", "both", "not-staged", "copy", "empty"],
)  # fmt: skip
def test_a_wish_that_can_not_be_is_refused_at_once(
    alice: As, canary: Canary, body: dict[str, Any], status: int
) -> None:
    """S-021"""
    image_id = alice.create()["id"]
    if body.get("method", {}).get("uri") == "{good}":
        body = {**body, "method": {**body["method"], "uri": canary.url("/good")}}
    assert alice.post(f"/v2/images/{image_id}/import", body).status_code == status
    assert show(alice, image_id)["status"] == "queued"
    assert alice.get(f"/v2/images/{image_id}/tasks").json == {"tasks": []}


def test_a_refusal_names_the_method_and_an_unknown_store_is_a_conflict_however_it_is_named(
    alice: As, canary: Canary
) -> None:
    image_id = alice.create()["id"]
    method = {"name": "glance-download", "glance_image_id": image_id, "glance_region": "far"}
    answer = alice.post(f"/v2/images/{image_id}/import", {"method": method})
    assert (answer.status_code, answer.json["message"]) == (400, "Unknown import method name 'glance-download'.")
    body = {"method": {"name": "web-download", "uri": canary.url("/good")}}
    answer = alice.post(f"/v2/images/{image_id}/import", body, headers={"X-Image-Meta-Store": "nowhere"})
    assert answer.status_code == 409


def test_formats_are_needed_before_an_import(alice: As, canary: Canary) -> None:
    image_id = alice.post("/v2/images", {"name": "x"}).json["id"]
    assert wish(alice, image_id, "web-download", canary.url("/good")).status_code == 400


def test_a_copy_goes_to_further_stores_and_to_each_once(alice: As, root: As, services: ImageServices) -> None:
    image_id = alice.active(DATA)["id"]
    assert wish(root, image_id, "copy-image", stores=["fast"]).status_code == 409
    assert wish(root, image_id, "copy-image").status_code == 400
    assert wish(root, image_id, "copy-image", all_stores=True).status_code == 202
    found = show(alice, image_id)
    assert (found["status"], found["stores"], found["os_glance_importing_to_stores"]) == ("active", "fast", "slow")
    work(services)
    found = show(alice, image_id)
    assert (found["stores"], used(services)) == ("fast,slow", 2 * len(DATA))
    assert last_task(alice, image_id)["status"] == "success"


def test_damage_is_not_copied(alice: As, root: As, services: ImageServices, tmp_path: Path) -> None:
    """S-027"""
    image_id = alice.active(DATA)["id"]
    (path,) = (tmp_path / "fast").rglob(f"{image_id}*")
    path.write_bytes(b"e" * len(DATA))
    assert wish(root, image_id, "copy-image", stores=["slow"]).status_code == 202
    work(services)
    assert "damaged" in last_task(alice, image_id)["message"]
    found = show(alice, image_id)
    assert (found["status"], found["stores"], found["os_glance_failed_import"]) == ("active", "fast", "slow")
    assert (blobs(services)["slow"], used(services)) == (0, len(DATA))


def test_a_copy_over_the_quota_is_refused(alice: As, root: As, services: ImageServices) -> None:
    image_id = alice.active(bytes(4 * MIB))["id"]
    assert wish(root, image_id, "copy-image", stores=["slow"]).status_code == 413
    assert show(alice, image_id)["stores"] == "fast"
    assert used(services) == 4 * MIB


@pytest.mark.parametrize("all_must", [True, False])
def test_a_store_that_fails_ends_all_or_only_itself(
    alice: As, services: ImageServices, monkeypatch: pytest.MonkeyPatch, all_must: bool
) -> None:
    """all_stores_must_succeed"""
    image_id = staged(alice)

    def broken(name: str) -> Any:
        raise Unavailable("The disk is on fire.")

    monkeypatch.setattr(services.stores["slow"], "writer", broken)
    assert wish(alice, image_id, all_stores=True, all_stores_must_succeed=all_must).status_code == 202
    work(services)
    found = show(alice, image_id)
    if all_must:
        assert (found["status"], found["os_glance_failed_import"]) == ("queued", "fast,slow")
        assert "on fire" in last_task(alice, image_id)["message"]
    else:
        assert (found["status"], found["stores"], found["os_glance_failed_import"]) == ("active", "fast", "slow")
    assert used(services) == (0 if all_must else len(DATA))
    assert blobs(services) == {"fast": 0 if all_must else 1, "slow": 0, "staging": 0}


def test_a_project_keeps_nobody_waiting_however_slow_its_sources(
    alice: As, bob: As, services: ImageServices, canary: Canary
) -> None:
    """S-117: of three workers one is never of the same project; whose lease is over counts no more."""
    for api in (alice, alice, alice, alice, bob):
        wish(api, api.create()["id"], "web-download", canary.url("/slow"))
    taken = [services.database.run(lambda tx: tasks.claim(tx, LEASE_S, 2)) for _ in range(4)]
    assert sorted(task.owner or "" for task in taken if task) == ["alpha", "alpha", "beta"]
    with services.database.read() as tx:
        assert not tasks.waiting(tx, 2)
        assert tasks.waiting(tx, 3)


POINTS = ["image.import.claimed", "image.upload.piece", "image.upload.streamed", "image.upload.committed",
          "image.import.finished"]  # fmt: skip


@pytest.mark.parametrize("times", [1, TRIES])
@pytest.mark.parametrize("point", POINTS)
def test_an_import_survives_a_death_anywhere_and_is_given_up_after_many(
    alice: As, services: ImageServices, clock: ManualClock, point: str, times: int
) -> None:
    """F-10, I-10"""
    image_id = staged(alice)
    wish(alice, image_id, all_stores=True)
    failpoints.arm(f"{point}=crash*{times}")
    for _ in range(TRIES + 2):
        try:
            work(services)
        except failpoints.Crash:
            assert run_one(services) is False  # its lease still runs
            clock.advance(LEASE_S + 1)
    failpoints.disarm()
    sweep(services, 0)
    over = times == TRIES and point not in ("image.import.finished",)
    assert show(alice, image_id)["status"] == ("queued" if over else "active")
    assert last_task(alice, image_id)["status"] == ("failure" if over else "success")
    assert blobs(services) == {"fast": 0 if over else 1, "slow": 0 if over else 1, "staging": 0}
    assert used(services) == (0 if over else 2 * len(DATA))


@pytest.mark.parametrize("point", ["image.stage.begun", "image.upload.piece", "image.stage.committed"])
def test_a_staging_that_dies_leaves_a_queued_image(
    alice: As, services: ImageServices, clock: ManualClock, point: str
) -> None:
    """F-10"""
    image_id = alice.create()["id"]
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        stage(alice, image_id)
    clock.advance(LEASE_S + 1)
    sweep(services, 3600)
    assert (show(alice, image_id)["status"], used(services), blobs(services)["staging"]) == ("queued", 0, 0)


@pytest.mark.parametrize("point", ["image.import.claimed", "image.upload.piece", "image.import.copied"])
def test_a_copy_survives_a_death(alice: As, root: As, services: ImageServices, clock: ManualClock, point: str) -> None:
    image_id = alice.active(DATA)["id"]
    wish(root, image_id, "copy-image", stores=["slow"])
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        work(services)
    clock.advance(LEASE_S + 1)
    work(services)
    assert show(alice, image_id)["stores"] == "fast,slow"
    assert (blobs(services), used(services)) == ({"fast": 1, "slow": 1, "staging": 0}, 2 * len(DATA))


def test_a_delete_during_the_import_wins(alice: As, services: ImageServices, canary: Canary) -> None:
    """S-023"""
    canary.pages["/good"] = (200, {}, DATA)
    image_id = alice.create()["id"]
    wish(alice, image_id, "web-download", canary.url("/good"))
    deleted = threading.Event()

    def delete(path: str) -> None:
        alice.delete(f"/v2/images/{image_id}")
        deleted.set()

    canary.before = delete
    work(services)
    assert deleted.wait(20)
    canary.before = lambda path: None
    assert alice.get(f"/v2/images/{image_id}").status_code == 404
    assert (blobs(services), used(services)) == ({"fast": 0, "slow": 0, "staging": 0}, 0)


def test_a_delete_before_the_import_and_during_a_copy_wins(alice: As, root: As, services: ImageServices) -> None:
    """S-023: imported, then deleted, over and over."""
    for _ in range(3):
        image_id = staged(alice)
        wish(alice, image_id)
        assert alice.delete(f"/v2/images/{image_id}").status_code == 204
        work(services)
    image_id = alice.active(DATA)["id"]
    wish(root, image_id, "copy-image", stores=["slow"])
    assert alice.delete(f"/v2/images/{image_id}").status_code == 204
    work(services)
    assert (blobs(services), used(services)) == ({"fast": 0, "slow": 0, "staging": 0}, 0)
    assert [task["status"] for task in root.get("/v2/tasks").json["tasks"]] == ["failure"] * 4


def test_tasks_are_for_administrators_and_expire(
    alice: As, bob: As, root: As, services: ImageServices, clock: ManualClock
) -> None:
    image_id = staged(alice)
    wish(alice, image_id)
    task_id = last_task(alice, image_id)["id"]
    assert bob.get(f"/v2/images/{image_id}/tasks").status_code == 404
    assert alice.get("/v2/tasks").status_code == 403
    assert alice.get(f"/v2/tasks/{task_id}").status_code == 403
    assert root.get("/v2/tasks?status=pending&type=api_image_import").json["tasks"][0]["id"] == task_id
    assert root.get("/v2/tasks?status=success").json["tasks"] == []
    assert root.get("/v2/tasks?status=maybe").status_code == 400
    work(services)
    task = root.get(f"/v2/tasks/{task_id}").json
    assert (task["status"], task["owner"], task["self"]) == ("success", "alpha", f"/v2/tasks/{task_id}")
    assert task["expires_at"] > task["updated_at"]
    clock.advance(49 * 3600)
    sweep(services)
    assert root.get(f"/v2/tasks/{task_id}").status_code == 404
    assert "message" in root.get("/v2/schemas/task").json["properties"]
    assert "tasks" in root.get("/v2/schemas/tasks").json["properties"]


def test_an_import_task_makes_an_image_and_lists_have_pages(
    alice: As, root: As, services: ImageServices, canary: Canary
) -> None:
    canary.pages["/good"] = (200, {}, DATA)
    body = {"type": "import", "input": {"import_from": canary.url("/good"), "import_from_format": "raw",
                                        "image_properties": {"name": "from the web"}}}  # fmt: skip
    assert alice.post("/v2/tasks", body).status_code == 403
    made = [root.post("/v2/tasks", body) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert made[0].headers["Location"].endswith(made[0].json["self"])
    page = root.get("/v2/tasks?limit=2&sort_key=id&sort_dir=asc").json
    rest = root.get(page["next"]).json["tasks"]
    assert [task["id"] for task in page["tasks"] + rest] == sorted(answer.json["id"] for answer in made)
    work(services)
    image = show(root, root.get(made[0].json["self"]).json["result"]["image_id"])
    assert (image["name"], image["status"]) == ("from the web", "active")
    bad = {**body, "input": {**body["input"], "import_from": "file:///etc/passwd"}}  # type: ignore[dict-item]
    assert root.post("/v2/tasks", bad).status_code == 400
    assert len(root.get("/v2/images").json["images"]) == 3


def test_an_image_deleted_by_the_platform_is_not_worked_at(alice: As, services: ImageServices) -> None:
    image_id = staged(alice)
    wish(alice, image_id)
    failpoints.arm("image.import.claimed=crash")
    with pytest.raises(failpoints.Crash):
        work(services)
    from iaas.db.image import images as rows

    with services.database.read() as tx:
        image = rows.find(tx, image_id)
    assert image is not None
    deletion.delete(services, image)
    assert (blobs(services), used(services)) == ({"fast": 0, "slow": 0, "staging": 0}, 0)


def test_a_slow_source_keeps_its_lease(services: ImageServices, alice: As, clock: ManualClock) -> None:
    """However slowly the bytes come, nobody else takes the image up."""
    from iaas.image.staging import stage as receive

    image_id = alice.create()["id"]

    class Drip(io.RawIOBase):
        left = 20

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            clock.advance(20)
            assert sweep(services, 0).queued == ()
            self.left -= 1
            return min(len(buffer), 10) if self.left >= 0 else 0

    from iaas.db.image import images as rows

    with services.database.read() as tx:
        image = rows.find(tx, image_id)
    assert image is not None
    receive(services, image, Drip(), None)  # type: ignore[arg-type]
    assert show(alice, image_id)["status"] == "uploading"


def test_locations_are_the_platforms_business_alone(
    alice: As, root: As, api: Any, services: ImageServices, tmp_path: Path
) -> None:
    """S-019: nobody else adds or sees one, and no URL of our own stores or files is one."""
    image_id = alice.create()["id"]
    path = f"/v2/images/{image_id}/locations"
    canary = tmp_path / "canary"
    canary.write_text("here")
    assert alice.post(path, {"url": "http://127.0.0.1/x"}).status_code == 403
    for url in (f"file://{canary}", f"filesystem://{canary}", "swift://x/y", "fast://x", "http://127.0.0.1:22/x"):
        assert api("nova").post(path, {"url": url}).status_code == 400
    assert show(alice, image_id)["status"] == "queued"
    active = alice.active(DATA)["id"]
    path = f"/v2/images/{active}/locations"
    assert alice.get(path).status_code == 403
    assert api("nova").get(path).json == [{"url": f"fast://{active}.1", "metadata": {"store": "fast"}}]
    assert root.delete(f"/v2/images/{active}").status_code == 204
    assert canary.read_text() == "here"


@pytest.mark.parametrize("good", [True, False])
def test_data_at_a_location_are_inspected_read_from_there_and_never_deleted(
    alice: As, api: Any, services: ImageServices, canary: Canary, good: bool
) -> None:
    """S-019"""
    canary.pages["/kept"] = (200, {}, DATA)
    image_id = alice.create()["id"]
    digest = hashlib.sha512(DATA if good else b"other").hexdigest()
    body = {"url": canary.url("/kept"), "validation_data": {"os_hash_algo": "sha512", "os_hash_value": digest}}
    assert api("nova").post(f"/v2/images/{image_id}/locations", body).status_code == 202
    work(services)
    found = show(alice, image_id)
    if not good:
        assert (found["status"], "announced hash" in last_task(alice, image_id)["message"]) == ("queued", True)
        return
    assert (found["status"], found["stores"], found["size"]) == ("active", "web", len(DATA))
    assert alice.get(f"/v2/images/{image_id}/file").data == DATA
    assert used(services) == 0
    assert "loc_url" not in alice.get(f"/v2/images/{image_id}/tasks").text
    assert alice.delete(f"/v2/images/{image_id}").status_code == 204
    assert sweep(services, 0).removed == ()


def test_the_read_only_store_takes_no_data(alice: As) -> None:
    image = alice.create()
    assert alice.upload(image["id"], DATA, **{"X-Image-Meta-Store": "web"}).status_code == 400
    assert {"id": "web", "read-only": "true"} in alice.get("/v2/info/stores").json["stores"]


def test_who_sees_an_image_does_not_see_where_it_was_fetched_from(
    alice: As, bob: As, root: As, services: ImageServices, canary: Canary
) -> None:
    """S-123: a URL may hold a signature; and who imported it is nobody else's business."""
    canary.pages["/good?X-Amz-Signature=hush"] = (200, {}, DATA)
    image_id = alice.create(visibility="community")["id"]
    assert wish(alice, image_id, "web-download", canary.url("/good?X-Amz-Signature=hush")).status_code == 202
    work(services)
    path = f"/v2/images/{image_id}"
    assert show(alice, image_id)["status"] == "active"
    assert bob.get(path).status_code == 200
    assert bob.get(f"{path}/tasks").json == {"tasks": []}
    for owner in (alice, root):
        assert "hush" in owner.get(f"{path}/tasks").text
