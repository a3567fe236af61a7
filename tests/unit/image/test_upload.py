"""Uploads and deletes that are killed at every point, and the sweep that puts things right (F-10, C-14, I-10)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.config.sections import Image as ImageOptions
from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import Database
from iaas.db.image import images as rows
from iaas.errors import Conflict, Invalid, NotFound
from iaas.ids import new_request_id, new_uuid
from iaas.image.delete import delete
from iaas.image.facade import ImageFacade
from iaas.image.faults import Gone
from iaas.image.intake import LEASE_S, PIECE, pieces
from iaas.image.services import ImageServices, make
from iaas.image.sweep import TOMBSTONE_DAYS, sweep
from iaas.image.upload import upload
from iaas.model.image import Image, State, Viewer, Visibility

ALL = Viewer(project_id=None, everything=True)
DATA = b"z" * (2 * PIECE + 5)


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.disarm()


@pytest.fixture
def services(database: Database, tmp_path: Path) -> ImageServices:
    return make(database, ImageOptions(directory=str(tmp_path / "store")))


@pytest.fixture
def image(services: ImageServices) -> Image:
    return queued(services)


def queued(services: ImageServices) -> Image:
    now = services.database.clock.now()
    image = Image(
        id=new_uuid(), name="n", project_id="p", state=State.QUEUED, task=None, visibility=Visibility.PRIVATE,
        disk_format="raw", container_format="bare", min_disk=0, min_ram=0, protected=False, hidden=False,
        size=None, virtual_size=None, checksum=None, hash_algo=None, hash_value=None, generation=0, version=0,
        created_at=now, updated_at=now,
    )  # fmt: skip
    services.database.run(lambda tx: rows.insert(tx, image))
    return image


def put(services: ImageServices, image: Image, data: bytes = DATA) -> Image:
    return upload(services, image, io.BytesIO(data), len(data))


def now(services: ImageServices, image: Image) -> Image:
    with services.database.read() as tx:
        return rows.get(tx, image.id, ALL)


def blobs(services: ImageServices) -> list[str]:
    return sorted(blob.name for blob in services.stores["filesystem"].inventory())


def used(services: ImageServices) -> int:
    with services.database.read() as tx:
        return quotas.usage(tx, "p").get("image_bytes", 0)


UPLOAD_POINTS = [name for name in failpoints.points() if name.startswith("image.upload.")]
DELETE_POINTS = [name for name in failpoints.points() if name.startswith("image.delete.")]


def test_the_failpoints_are_there() -> None:
    assert len(UPLOAD_POINTS) == 4
    assert len(DELETE_POINTS) == 2


@pytest.mark.parametrize("point", UPLOAD_POINTS)
def test_an_upload_killed_anywhere_ends_queued_and_empty_and_can_be_repeated(
    services: ImageServices, image: Image, clock: ManualClock, point: str
) -> None:
    """F-10"""
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        put(services, image)
    assert now(services, image).status == "saving"
    assert sweep(services, 0).queued == ()  # its lease still runs: the worker may be alive
    clock.advance(LEASE_S + 1)
    assert sweep(services, 3600).queued == (image.id,)  # and its bytes go at once
    assert now(services, image).status == "queued"
    assert blobs(services) == []
    assert used(services) == 0
    assert put(services, image).size == len(DATA)
    assert now(services, image).status == "active"
    assert used(services) == len(DATA)
    assert blobs(services) == [f"{image.id}.2"]


@pytest.mark.parametrize("point", UPLOAD_POINTS)
def test_an_upload_that_fails_anywhere_cleans_up_at_once(services: ImageServices, image: Image, point: str) -> None:
    failpoints.arm(f"{point}=error:no luck")
    with pytest.raises(OSError, match="no luck"):
        put(services, image)
    assert now(services, image).status == "queued"
    assert used(services) == 0
    if point != "image.upload.committed":
        assert blobs(services) == []
    sweep(services, 0)
    assert blobs(services) == []


@pytest.mark.parametrize("point", DELETE_POINTS)
def test_a_delete_killed_anywhere_is_gone_for_users_and_completed_by_the_sweep(
    services: ImageServices, image: Image, clock: ManualClock, point: str
) -> None:
    """C-14, F-83"""
    active = put(services, image)
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        delete(services, active)
    with pytest.raises(NotFound):
        now(services, image)
    clock.advance(LEASE_S + 1)
    assert sweep(services, 0).deleted == (image.id,)
    assert blobs(services) == []
    assert used(services) == 0
    assert sweep(services, 0) == type(sweep(services, 0))()


def test_an_upload_whose_lease_was_lost_can_not_touch_its_successor(
    services: ImageServices, image: Image, clock: ManualClock
) -> None:
    """The fence: two generations, each with data of its own, and the older never wins."""

    class Slow(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            if self.tell() == PIECE:
                clock.advance(LEASE_S + 1)
                assert sweep(services, 3600).queued == (image.id,)
                assert put(services, image, b"successor").generation == 2
            return super().readinto(buffer)  # type: ignore[arg-type]

    with pytest.raises(Gone):
        upload(services, image, Slow(DATA), len(DATA))
    active = now(services, image)
    assert (active.status, active.size, active.generation) == ("active", 9, 2)
    assert blobs(services) == [active.blob]
    assert used(services) == 9


def test_a_long_upload_keeps_its_lease(services: ImageServices, image: Image, clock: ManualClock) -> None:
    class Slow(io.BytesIO):
        def readinto(self, buffer: object) -> int:
            clock.advance(LEASE_S - 20)
            assert sweep(services, 0).queued == ()
            return super().readinto(buffer)  # type: ignore[arg-type]

    assert upload(services, image, Slow(b"z" * 4 * PIECE), None).size == 4 * PIECE


def test_the_sweep_leaves_young_and_unknown_data_alone(services: ImageServices, image: Image) -> None:
    """C-13"""
    active = put(services, image)
    for name in (f"{image.id}.7", f"{new_uuid()}.1"):
        writer = services.stores["filesystem"].writer(name)
        writer.write(b"x")
        writer.commit()
    assert sweep(services, 3600) == type(sweep(services, 3600))()
    swept = sweep(services, 0)
    assert swept.removed == (f"{image.id}.7",)
    assert len(swept.unknown) == 1
    assert blobs(services) == sorted([active.blob, *swept.unknown])


def test_tombstones_are_forgotten_in_time(services: ImageServices, image: Image, clock: ManualClock) -> None:
    delete(services, image)
    assert sweep(services).forgotten == 0
    clock.advance((TOMBSTONE_DAYS + 1) * 86400)
    assert sweep(services).forgotten == 1


def test_fifty_deletes_during_the_upload_leave_no_byte(services: ImageServices) -> None:
    """S-023"""
    for i in range(50):
        image = queued(services)

        class Deleting(io.BytesIO):
            at = (i * PIECE // 20) % (2 * PIECE)

            def readinto(self, buffer: object, image: Image = image) -> int:
                if self.tell() >= self.at >= 0:
                    type(self).at = -1
                    delete(services, image)
                return super().readinto(buffer)  # type: ignore[arg-type]

        with pytest.raises(Gone):
            upload(services, image, Deleting(b"z" * 2 * PIECE), None)
    assert blobs(services) == []
    assert used(services) == 0


def test_pieces_are_cut_the_same_whatever_the_network_does() -> None:
    class Drip(io.RawIOBase):
        def __init__(self) -> None:
            self.left = 2 * PIECE + 3

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            count = min(70_001, self.left, len(buffer))
            self.left -= count
            return count

    assert [len(piece) for piece in pieces(Drip(), 1 << 40)] == [PIECE, PIECE, 3]
    assert [len(piece) for piece in pieces(Drip(), PIECE + 1)] == [PIECE, 1]
    assert [len(piece) for piece in pieces(io.BytesIO(b"abc"), 1 << 40)] == [3]


def test_the_facade_gives_what_a_boot_needs_and_only_to_those_who_may(services: ImageServices, image: Image) -> None:
    """A-175, S-060"""
    owner = Context(request_id=new_request_id(), project_id="p", roles=("member",))
    stranger = replace(owner, project_id="q")
    facade = ImageFacade()
    with services.database.read() as tx, pytest.raises(Invalid, match="is not active"):
        facade.get_for_boot(tx, owner, image.id)
    with pytest.raises(Conflict):
        facade.source(image, "http://image", "t")
    active = put(services, image)
    with services.database.read() as tx:
        assert facade.get_for_boot(tx, owner, image.id) == active
        for context, wanted in ((stranger, image.id), (owner, new_uuid()), (owner, "no uuid")):
            with pytest.raises(NotFound):
                facade.get_for_boot(tx, context, wanted)
        assert facade.get_for_boot(tx, replace(stranger, is_admin=True), image.id) == active
    source = facade.source(active, "http://image/", "secret-token")
    assert source.url == f"http://image/v2/images/{image.id}/file"
    assert (source.format, source.size, source.virtual_size) == ("raw", len(DATA), len(DATA))
    assert (source.hash_algo, source.hash_value) == ("sha512", active.hash_value)
    assert "secret-token" not in repr(source)
