"""What the image cache keeps, what it drops and for whom; what it says of itself; images fetched ahead."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from iaas import errors
from iaas.compute.agent.disks import FakeDisks, QemuDisks
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.images.prefetch import MOST_WAITING, Prefetch, Unhurried
from iaas.compute.agent.images.shelf import PARTIAL_LEASE
from iaas.compute.agent.instances import Instances
from iaas.host.executor import Inline
from iaas.host.qemu_img import QemuImg
from iaas.host.room import Room
from iaas.model.order import ImageSource
from tests.evilimg import header
from tests.unit.compute.agent.bench import Later, image, spec
from tests.unit.compute.agent.imagery import MIB, RUNNER, Glance, QuickClock, again, work


def cached(glance: Glance, cache: ImageCache, tmp_path: Path, count: int, size: int = 65536) -> list[ImageSource]:
    """Images in the cache that no server uses, used one after the other, an hour and more ago."""
    made = [glance.add(os.urandom(size)) for _ in range(count)]
    for age, one in enumerate(reversed(made)):
        cache.ensure(one, work())
        (record,) = (tmp_path / "cache").glob(f"{one.id}*.json")
        os.utime(record, (time.time() - 3600 - age, time.time() - 3600 - age))
    return made


def ids(cache: ImageCache) -> list[str]:
    return [item.image_id for item in cache.images()]


class Disk:
    """A file system of ``size`` bytes on which the cache is all there is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path, size: int) -> None:
        self.least = size

        def free(room: Room) -> int:
            left = size - sum(path.stat().st_blocks * 512 for path in directory.iterdir())
            self.least = min(self.least, left)
            return left

        monkeypatch.setattr(Room, "free", free)


def test_the_least_recently_used_go_when_the_disk_is_nearly_full_and_used_ones_never(
    glance: Glance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-016, F-61: down to the watermark and no further."""
    cache = again(tmp_path, low=600_000)
    oldest, old, middle, new = cached(glance, cache, tmp_path, 4, 131072)
    cache.link(oldest, tmp_path / "base", work())
    (record,) = (tmp_path / "cache").glob(f"{oldest.id}*.json")
    os.utime(record, (1, 1))
    Disk(monkeypatch, tmp_path / "cache", 940_000)
    cache.tidy()
    assert ids(cache) == [oldest.id, middle.id, new.id] or ids(cache) == [oldest.id, new.id]
    assert old.id not in ids(cache) and cache.room.free() >= 600_000
    assert (tmp_path / "base").stat().st_size == 131072


def test_a_hundred_variants_of_an_image_stay_in_their_bounds(glance: Glance, tmp_path: Path) -> None:
    """S-016: count and bytes, though none of them is old."""
    cache = again(tmp_path, most=10 * 4096)
    images = cached(glance, cache, tmp_path, 100, 4096)
    cache.link(images[0], tmp_path / "base", work())
    cache.tidy()
    unused = [item for item in cache.images() if not item.users]
    assert sum(item.bytes for item in unused) <= 10 * 4096 and len(unused) == 10
    assert [item.image_id for item in unused] == [one.id for one in images[-10:]] and images[0].id in ids(cache)
    assert len(list((tmp_path / "cache").iterdir())) == 22


def test_an_image_that_is_wanted_goes_before_what_nobody_uses(
    glance: Glance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = again(tmp_path, min_free=100_000)
    old, new = cached(glance, cache, tmp_path, 2, 131072)
    Disk(monkeypatch, tmp_path / "cache", 500_000)
    wanted = glance.add(os.urandom(131072))
    cache.link(wanted, tmp_path / "base", work())
    assert old.id not in ids(cache) and {new.id, wanted.id} == set(ids(cache))
    with pytest.raises(errors.Unavailable, match="no room"):
        cache.link(glance.add(bytes(400_000)), tmp_path / "other", work())
    assert wanted.id in ids(cache)


def test_eight_bombs_at_once_leave_the_host_its_reserve(
    glance: Glance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-012: 64 MiB of zeros in 260 kB each, on a disk of 300 MiB of which 100 are the host's own."""
    cache = again(tmp_path, min_free=100 * MIB)
    disk = Disk(monkeypatch, tmp_path / "cache", 300 * MIB)
    images = [glance.add(header.qcow2(), format="qcow2", virtual_size=header.SIZE) for _ in range(8)]
    gate, refused = threading.Barrier(8), []
    slow = threading.Event()
    monkeypatch.setattr("iaas.compute.agent.images.cache.inspected", _after(slow))

    def build(one: ImageSource) -> None:
        gate.wait()
        try:
            cache.link(one, tmp_path / f"base-{one.id}", work())
        except errors.Unavailable:
            refused.append(one.id)
        if len(refused) == 5:
            slow.set()

    threads = [threading.Thread(target=build, args=(one,)) for one in images]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 5 and disk.least >= 100 * MIB
    assert len(ids(cache)) == 3 and cache.room.fits(100 * MIB)


def _after(event: threading.Event):  # type: ignore[no-untyped-def]
    """The check of an image, once all have asked for room."""
    from iaas.host.qemu_img import inspected

    def judge(path: Path, format: str, size: int):  # type: ignore[no-untyped-def]
        assert event.wait(20)
        return inspected(path, format, size)

    return judge


def test_the_account_says_what_is_there_and_who_uses_it(glance: Glance, tmp_path: Path) -> None:
    cache = again(tmp_path)
    old, new = cached(glance, cache, tmp_path, 2)
    for name in ("one", "two"):
        cache.link(new, tmp_path / name, work())
    first, second = cache.images()
    assert (first.image_id, first.users, first.bytes) == (old.id, 0, 65536)
    assert (second.image_id, second.users) == (new.id, 2) and second.used_at >= time.time() - 60
    assert first.used_at < second.used_at and second.name == f"{new.id}-{new.hash_value[:16]}"


def test_halves_of_entries_are_reported_and_swept_once_their_lease_is_over(glance: Glance, tmp_path: Path) -> None:
    """C-23: what the audit sees of a host that died between disk and record."""
    cache = again(tmp_path)
    without_record, without_disk, fresh = cached(glance, cache, tmp_path, 3)
    halves = []
    for one, lost in ((without_record, ".json"), (without_disk, ""), (fresh, ".json")):
        paths = {path.suffix: path for path in (tmp_path / "cache").glob(f"{one.id}*")}
        paths.pop(lost).unlink()
        (half,) = paths.values()
        halves.append(half)
        if one is not fresh:
            os.utime(half, (time.time() - PARTIAL_LEASE - 1,) * 2)
        else:
            os.utime(half)
    assert sorted(cache.partial_files()) == sorted(path.name for path in halves[:2]) and ids(cache) == []
    cache.tidy()
    assert list((tmp_path / "cache").iterdir()) == [halves[2]]


def test_an_image_fetched_ahead_costs_the_first_server_no_download(glance: Glance, tmp_path: Path) -> None:
    """A-171: the first copies, here before there is a server; every further one uses the cache."""
    cache = again(tmp_path)
    disks = QemuDisks(Instances(tmp_path), cache, QemuImg(RUNNER), RUNNER)
    one = glance.add(os.urandom(MIB))
    prefetch = Prefetch(disks, Inline(), QuickClock())
    for _ in range(3):
        prefetch.accept(one)
    assert len(glance.hits) == 1 and ids(cache) == [one.id]
    for _ in range(2):
        disks.create(spec(image=one), work())
    assert len(glance.hits) == 1 and cache.images()[0].users == 2


def test_a_request_that_waits_is_not_taken_twice_and_too_many_are_left_out() -> None:
    later, disks = Later(), FakeDisks()
    prefetch = Prefetch(disks, later, QuickClock())
    first = image()
    for one in (first, first, *(image() for _ in range(MOST_WAITING + 5))):
        prefetch.accept(one)
    assert len(later.jobs) == MOST_WAITING
    disks.fail(errors.Unavailable("no image service"))
    while later.jobs:
        later.go()
    assert len(disks.cached_images()) == MOST_WAITING - 1
    prefetch.accept(first)
    later.go()
    assert first.id in {item.image_id for item in disks.cached_images()}


def test_an_image_fetched_ahead_is_judged_like_any_other(glance: Glance, tmp_path: Path) -> None:
    """S-001, S-027: refused, nothing left, and the next one is fetched."""
    cache = again(tmp_path)
    evil = glance.add(header.qcow2(backing=b"/etc/passwd"), format="qcow2", virtual_size=header.SIZE)
    flipped = glance.add(b"x" * 512)
    glance.files[f"/v2/images/{flipped.id}/file"] = b"y" * 512
    for bad in (evil, flipped):
        with pytest.raises(errors.Invalid):
            cache.ensure(bad, Unhurried(QuickClock()))
    assert list((tmp_path / "cache").iterdir()) == []
