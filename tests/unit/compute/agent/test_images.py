"""The image cache with a real HTTP server and the real qemu-img: fetched once, proven, bounded, cleaned
up.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from iaas import errors, failpoints
from iaas.compute.agent.disks import QemuDisks
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.images.fingerprint import fingerprint
from iaas.compute.agent.images.shelf import PARTIAL_LEASE
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.work import Superseded
from iaas.host.qemu_img import QemuImg
from tests.evilimg import good
from tests.evilimg.corpus import group
from tests.unit.compute.agent.bench import spec
from tests.unit.compute.agent.imagery import MIB, RUNNER, Glance, again, qcow2, work
from tests.unit.inspection.judge import inspect


def leftovers(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache").iterdir())


def test_a_qcow2_image_becomes_one_raw_disk(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    content = os.urandom(MIB) + bytes(MIB)
    image = glance.add(qcow2(tmp_path, fill=content), format="qcow2", virtual_size=2 * MIB)
    cache.link(image, tmp_path / "base", work())
    cache.link(image, tmp_path / "base2", work())
    assert (tmp_path / "base").read_bytes() == content
    assert (tmp_path / "base").samefile(tmp_path / "base2")
    assert glance.hits == [(f"/v2/images/{image.id}/file", "t0ken")]
    assert [item.image_id for item in cache.images()] == [image.id]
    assert len(leftovers(tmp_path)) == 2 and cache.partial_files() == ()


def test_many_at_once_fetch_an_image_once(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    image = glance.add(os.urandom(4 * MIB))
    threads = [
        threading.Thread(target=cache.link, args=(image, tmp_path / f"base{number}", work())) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(glance.hits) == 1
    assert len({(tmp_path / f"base{number}").stat().st_ino for number in range(8)}) == 1


def test_other_bytes_than_recorded_are_refused(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    """S-027: one flipped bit in the store."""
    data = bytearray(os.urandom(MIB))
    image = glance.add(bytes(data))
    data[77] ^= 1
    glance.files[f"/v2/images/{image.id}/file"] = bytes(data)
    with pytest.raises(errors.Invalid, match="does not match its recorded hash"):
        cache.link(image, tmp_path / "base", work())
    assert leftovers(tmp_path) == [] and not (tmp_path / "base").exists()


def test_a_longer_or_shorter_body_is_refused(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    image = glance.add(os.urandom(MIB))
    path = f"/v2/images/{image.id}/file"
    glance.files[path] += b"x"
    with pytest.raises(errors.Invalid, match="larger than recorded"):
        cache.link(image, tmp_path / "base", work())
    glance.files[path] = glance.files[path][:-2]
    with pytest.raises(errors.Unavailable):
        cache.link(image, tmp_path / "base", work())
    assert leftovers(tmp_path) == []


def test_a_broken_download_is_tried_again(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    image = glance.add(os.urandom(2 * MIB))
    glance.statuses = [503]
    glance.cut = MIB
    cache.link(image, tmp_path / "base", work())
    assert len(glance.hits) == 3
    assert len(leftovers(tmp_path)) == 2


@pytest.mark.parametrize(
    ("status", "kind"), [(404, errors.NotFound), (403, errors.Forbidden), (401, errors.Forbidden),
                         (302, errors.Unavailable), (500, errors.Unavailable)]
)  # fmt: skip
def test_refusals_of_the_image_service_have_a_kind(
    glance: Glance, cache: ImageCache, tmp_path: Path, status: int, kind: type[errors.Error]
) -> None:
    """S-021: a redirect is not followed, the token goes nowhere else."""
    image = glance.add(b"x" * 512)
    glance.statuses = [status] * 3
    with pytest.raises(kind) as caught:
        cache.link(image, tmp_path / "base", work())
    assert "127.0.0.1" not in caught.value.message and str(tmp_path) not in caught.value.message


def test_an_image_service_that_is_away_is_unavailable(cache: ImageCache, glance: Glance, tmp_path: Path) -> None:
    image = glance.add(b"x" * 512, url="http://127.0.0.1:9/v2/images/x/file")
    with pytest.raises(errors.Unavailable, match="The image service did not deliver the image"):
        cache.link(image, tmp_path / "base", work())


def hostile(tmp_path: Path, canary: Path) -> dict[str, bytes]:
    backing = ["-b", str(canary), "-F", "raw"]
    data_file = ["-o", f"data_file={tmp_path / 'external'}"]
    return {
        "backing": qcow2(tmp_path, *backing),
        "data_file": qcow2(tmp_path, *data_file),
        "json": qcow2(tmp_path).replace(b"QFI\xfb\0\0\0\x03" + bytes(8), b"QFI\xfb\0\0\0\x03" + b"\0\0\0\0\0\0\2\0"),
        "not qcow2": b"# Disk DescriptorFile\nversion=1\n" + bytes(512),
        "short": b"QFI\xfb",
    }


@pytest.mark.parametrize("kind", ["backing", "data_file", "json", "not qcow2", "short"])
def test_an_image_that_refers_to_another_file_is_refused(
    glance: Glance, cache: ImageCache, tmp_path: Path, kind: str
) -> None:
    """S-001, S-002, S-003: once more on the host, should one have got past the image service."""
    canary = tmp_path / "canary"
    canary.write_bytes(b"canary-4711" * 100)
    data = hostile(tmp_path, canary)[kind]
    image = glance.add(data, format="qcow2", virtual_size=2 * MIB)
    with pytest.raises(errors.Invalid) as caught:
        cache.link(image, tmp_path / "base", work())
    assert str(tmp_path) not in caught.value.message
    assert leftovers(tmp_path) == []


def test_every_hostile_image_is_refused_again_on_the_host(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    """S-001 … S-011, planted in the store behind the image service's back: nothing opens it, nothing of it stays."""
    for evil in (evil for name in ("references", "vmdk", "polyglots", "undeclared") for evil in group(name)):
        image = glance.add(evil.data, format=evil.declared, virtual_size=MIB)
        with pytest.raises((errors.Invalid, errors.Unsupported)):
            cache.link(image, tmp_path / "base", work())
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("format", ["vmdk", "vdi", "vhd", "vhdx"])
def test_an_image_of_another_format_becomes_a_raw_disk(
    glance: Glance, cache: ImageCache, tmp_path: Path, format: str
) -> None:
    data = good.plain(format)
    size = inspect(format, data)
    cache.link(glance.add(data, format=format, virtual_size=size), tmp_path / "base", work())
    assert (tmp_path / "base").read_bytes() == good.data().ljust(size, b"\0")


def test_a_disk_of_another_size_than_recorded_is_refused(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    """S-011."""
    image = glance.add(qcow2(tmp_path, size="1T"), format="qcow2", virtual_size=2 * MIB)
    with pytest.raises(errors.Invalid, match="not as large as recorded"):
        cache.link(image, tmp_path / "base", work())
    assert leftovers(tmp_path) == []


def test_the_host_keeps_its_reserve(glance: Glance, tmp_path: Path) -> None:
    """S-012, F-61: refused before a byte is fetched."""
    stat = os.statvfs(tmp_path)
    cache = again(tmp_path, min_free=stat.f_bavail * stat.f_frsize)
    with pytest.raises(errors.Unavailable, match="no room"):
        cache.link(glance.add(bytes(MIB)), tmp_path / "base", work())
    assert glance.hits == [] and leftovers(tmp_path) == []


@pytest.mark.parametrize("damage", ["flip", "truncate", "no record", "half a record"])
def test_a_damaged_entry_is_fetched_again(glance: Glance, cache: ImageCache, tmp_path: Path, damage: str) -> None:
    """F-65, S-017: found by its hash when a new agent first uses it."""
    content = os.urandom(MIB)
    image = glance.add(content)
    cache.link(image, tmp_path / "base", work())
    (entry,) = [path for path in (tmp_path / "cache").iterdir() if not path.suffix]
    before = entry.stat().st_mtime_ns
    entry.chmod(0o600)
    if damage == "flip":
        with entry.open("r+b") as file:
            file.seek(5000)
            file.write(bytes([content[5000] ^ 1]))
        os.utime(entry, ns=(before, before))
    elif damage == "truncate":
        os.truncate(entry, 1000)
    else:
        entry.with_suffix(".json").write_text('{"finger') if damage == "half a record" else entry.with_suffix(
            ".json"
        ).unlink()
    again(tmp_path).link(image, tmp_path / "base", work())
    assert (tmp_path / "base").read_bytes() == content
    assert len(glance.hits) == 2 and len(leftovers(tmp_path)) == 2


@pytest.mark.parametrize("point", ["after_fetch", "after_convert", "after_publish"])
def test_a_crash_leaves_only_what_is_swept(glance: Glance, cache: ImageCache, tmp_path: Path, point: str) -> None:
    """C-23: and the next build fetches afresh."""
    image = glance.add(qcow2(tmp_path), format="qcow2", virtual_size=2 * MIB)
    failpoints.arm(f"compute.image.{point}=crash")
    with pytest.raises(failpoints.Crash):
        cache.link(image, tmp_path / "base", work())
    fresh = again(tmp_path)
    assert fresh.images() == ()
    fresh.link(image, tmp_path / "base", work())
    assert (tmp_path / "base").stat().st_size == 2 * MIB
    fresh.tidy()
    assert len(leftovers(tmp_path)) == 2


def test_old_partial_files_are_swept_and_fresh_ones_are_not(cache: ImageCache, tmp_path: Path) -> None:
    old, new = tmp_path / "cache" / ".x.1.part", tmp_path / "cache" / ".x.2.part"
    for path in (old, new):
        path.touch()
    past = time.time() - PARTIAL_LEASE - 1
    os.utime(old, (past, past))
    assert cache.partial_files() == (old.name,)
    cache.tidy()
    assert leftovers(tmp_path) == [new.name]


def test_unused_entries_are_dropped_when_old_and_used_ones_are_not(glance: Glance, tmp_path: Path) -> None:
    """S-016: bounded and collected."""
    cache = again(tmp_path, age=100)
    used, unused, recent = (glance.add(os.urandom(512)) for _ in range(3))
    for image in (used, unused, recent):
        cache.link(image, tmp_path / image.id, work())
    for image in (unused, recent):
        (tmp_path / image.id).unlink()
    for image in (used, unused):
        (record,) = (tmp_path / "cache").glob(f"{image.id}*.json")
        os.utime(record, (time.time() - 200, time.time() - 200))
    cache.tidy()
    assert {item.image_id for item in cache.images()} == {used.id, recent.id}


def test_a_dropped_entry_costs_no_server_its_disk(glance: Glance, tmp_path: Path) -> None:
    cache = again(tmp_path, age=-1)
    image = glance.add(os.urandom(512))
    cache.link(image, tmp_path / "base", work())
    for path in (tmp_path / "cache").iterdir():
        path.unlink()
    assert (tmp_path / "base").stat().st_size == 512
    cache.link(image, tmp_path / "base", work())
    assert len(glance.hits) == 2


def test_a_superseded_build_stops_downloading(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    image = glance.add(bytes(4 * MIB))
    stopped = work()
    stopped.supersede()
    with pytest.raises(Superseded):
        cache.link(image, tmp_path / "base", stopped)
    assert leftovers(tmp_path) == []


def test_an_unknown_format_is_unsupported(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    with pytest.raises(errors.Unsupported, match="cannot boot aki images"):
        cache.link(glance.add(b"x", format="aki"), tmp_path / "base", work())
    assert glance.hits == []


def test_a_name_of_an_image_cannot_leave_the_cache(glance: Glance, cache: ImageCache, tmp_path: Path) -> None:
    """S-019."""
    for changes in ({"id": "../x"}, {"hash_value": "../../../../etc/passwd"}):
        with pytest.raises(errors.Invalid):
            cache.link(glance.add(b"x", **changes), tmp_path / "base", work())


def test_a_fingerprint_does_not_depend_on_holes(tmp_path: Path) -> None:
    sparse, full = tmp_path / "sparse", tmp_path / "full"
    content = bytes(3 * MIB) + b"data" + bytes(MIB + 1)
    full.write_bytes(content)
    with sparse.open("wb") as file:
        file.seek(3 * MIB)
        file.write(b"data")
        file.truncate(len(content))
    assert fingerprint(sparse) == fingerprint(full)
    os.truncate(sparse, len(content) + 1)
    assert fingerprint(sparse) != fingerprint(full)


@pytest.fixture
def disks(cache: ImageCache, tmp_path: Path) -> QemuDisks:
    return QemuDisks(Instances(tmp_path), cache, QemuImg(RUNNER), RUNNER)


def test_a_server_has_an_overlay_an_ephemeral_and_a_swap_disk(glance: Glance, disks: QemuDisks, tmp_path: Path) -> None:
    image = glance.add(os.urandom(MIB))
    guest = spec(image=image, disk_gb=1, ephemeral_gb=2, swap_mb=16)
    made = disks.create(guest, work())
    assert [(disk.target, disk.path.name, disk.format) for disk in made] == [
        ("vda", "disk", "qcow2"), ("vdb", "ephemeral0", "raw"), ("vdc", "swap", "raw"),
    ]  # fmt: skip
    info = RUNNER.run(["qemu-img", "info", "-f", "qcow2", str(made[0].path)], timeout=5).stdout
    assert "virtual size: 1 GiB" in info and "backing file: base" in info and "backing file format: raw" in info
    assert made[1].path.stat().st_size == 2 << 30 and made[1].path.stat().st_blocks == 0
    assert b"SWAPSPACE2" in made[2].path.read_bytes()[:4096]
    assert disks.create(guest, work()) == disks.existing(guest) == made
    disks.remove(guest.server_id)
    assert list(made[0].path.parent.iterdir()) == []
    disks.remove(guest.server_id)
    with pytest.raises(errors.NotFound):
        disks.existing(guest)


def test_a_flavor_without_disk_size_takes_the_images(glance: Glance, disks: QemuDisks) -> None:
    guest = spec(image=glance.add(bytes(3 * MIB)), disk_gb=0)
    (disk,) = disks.create(guest, work())
    assert "virtual size: 3 MiB" in RUNNER.run(["qemu-img", "info", "-f", "qcow2", disk.path], timeout=5).stdout


def test_a_written_disk_is_kept_when_the_build_is_repeated(glance: Glance, disks: QemuDisks) -> None:
    guest = spec(image=glance.add(bytes(MIB)))
    (disk,) = disks.create(guest, work())
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 4096", disk.path], check=True, capture_output=True)
    before = disk.path.read_bytes()
    disks.create(guest, work())
    assert disk.path.read_bytes() == before


def test_a_crash_beside_the_overlay_leaves_no_half_disk(glance: Glance, disks: QemuDisks) -> None:
    guest = spec(image=glance.add(bytes(MIB)))
    failpoints.arm("compute.build.after_overlay=crash")
    with pytest.raises(failpoints.Crash):
        disks.create(guest, work())
    with pytest.raises(errors.NotFound):
        disks.existing(guest)
    assert len(disks.create(guest, work())) == 1


def test_a_server_without_image_cannot_be_built_here(disks: QemuDisks) -> None:
    with pytest.raises(errors.Unsupported):
        disks.create(spec(image=None), work())
