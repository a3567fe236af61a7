"""What a project's images may take: bytes and how many, counted in the transaction that makes or ends them."""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.cmd.commands import image as command
from iaas.config import sections
from iaas.config.sections import Image as ImageOptions
from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import Database
from iaas.errors import Conflict, NotFound, QuotaExceeded
from iaas.image import delete
from iaas.image.facade import ImageFacade
from iaas.image.services import ImageServices
from iaas.image.sweep import sweep
from tests.api.image.conftest import MIB, As, stored


@pytest.fixture
def options(options: ImageOptions) -> ImageOptions:
    return replace(options, project_images=3, delayed_delete_s=3600)


def used(services: ImageServices, project: str = "alpha") -> tuple[int, int]:
    with services.database.read() as tx:
        found = quotas.usage(tx, project)
    return found.get("images", 0), found.get("image_bytes", 0)


def test_one_image_too_many_is_413_and_says_why(alice: As, services: ImageServices) -> None:
    for _ in range(3):
        alice.create()
    answer = alice.post("/v2/images", {"name": "fourth"})
    assert answer.status_code == 413
    assert answer.json["message"] == "Quota exceeded for images: Requested 1, but already used 3 of 3 images"
    assert len(alice.get("/v2/images").json["images"]) == 3
    assert alice.get("/v2/info/usage").json["usage"]["image_count_total"] == {"usage": 3, "limit": 3}
    with pytest.raises(QuotaExceeded):
        context = Context(request_id="", user_id="alice", project_id="alpha", roles=("member",))
        values = {"id": "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11", "name": "snapshot"}
        services.database.run(lambda tx: ImageFacade(3).queue(tx, context, values, {}))


def test_of_twenty_at_the_last_place_exactly_one_is_made(api: Callable[[str], As], services: ImageServices) -> None:
    """S-107"""
    for _ in range(2):
        api("alice").create()
    statuses: list[int] = []
    gate = threading.Barrier(20)

    def run() -> None:
        who = api("alice")
        gate.wait(10)
        statuses.append(who.post("/v2/images", {}).status_code)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [201, *[413] * 19]
    assert used(services)[0] == len(api("alice").get("/v2/images").json["images"]) == 3


def test_an_image_that_was_never_filled_gives_its_place_back_at_once(alice: As, services: ImageServices) -> None:
    assert alice.delete(alice.create()["self"]).status_code == 204
    assert used(services) == (0, 0)


def test_a_new_owner_takes_over_what_is_counted(alice: As, root: As, services: ImageServices) -> None:
    image = alice.active(b"x" * MIB)
    change = {"op": "replace", "path": "/owner", "value": "beta"}
    assert root.patch(image["self"], change).status_code == 200
    assert (used(services), used(services, "beta")) == ((0, 0), (1, MIB))


def test_a_deleted_image_is_gone_for_users_and_can_be_restored_until_its_data_go(
    alice: As, root: As, services: ImageServices, clock: ManualClock
) -> None:
    image = alice.active(b"precious")
    assert alice.delete(image["self"]).status_code == 204
    assert alice.get(image["self"]).status_code == root.get(image["self"]).status_code == 404
    assert root.get("/v2/images?visibility=all").json["images"] == []
    clock.advance(3500)
    sweep(services)
    assert used(services) == (1, 8)
    assert delete.restore(services.database, image["id"]).status == "active"
    assert alice.get(image["file"]).data == b"precious"
    with pytest.raises(Conflict):
        delete.restore(services.database, image["id"])
    alice.delete(image["self"])
    clock.advance(3550)  # within the minute in which a worker may begin
    with pytest.raises(Conflict):
        delete.restore(services.database, image["id"])
    clock.advance(60)
    sweep(services)
    assert (used(services), stored(services)) == ((0, 0), [])
    with pytest.raises(NotFound):
        delete.restore(services.database, "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11")


class Config:
    def __init__(self, database: Database, options: ImageOptions) -> None:
        self._sections = {sections.Image: options}
        self._url = str(database.engine.url)

    def section(self, kind: Any) -> Any:
        if kind is sections.Database:
            return sections.Database(connection=self._url)
        return self._sections.get(kind) or kind()


def test_operators_see_and_set_the_limits_of_a_project(
    alice: As, database: Database, options: ImageOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    alice.active(b"12345")
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())

    def run(*words: str, project: str = "alpha") -> list[str]:
        arguments = parser.parse_args(["image", "quota", project, *words])
        arguments.run(Config(database, options), arguments)
        return capsys.readouterr().out.splitlines()

    assert run() == [f"image_bytes: 5 of {6 * MIB}", "images: 1 of 3"]
    assert run("--images", "1", "--bytes", "-1") == ["image_bytes: 5 of unlimited", "images: 1 of 1"]
    assert alice.post("/v2/images", {}).status_code == 413
    assert run("--default") == [f"image_bytes: 5 of {6 * MIB}", "images: 1 of 3"]
    with pytest.raises(NotFound, match="no project"):  # a name, say, which would get limits that nobody has
        run("--images", "1", project="demo")
    assert alice.post("/v2/images", {}).status_code == 201
