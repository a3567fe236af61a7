"""What every image store promises: run over each file of iaas/image/stores/."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iaas import plugins
from iaas.config.sections import Image, ImageStore
from iaas.errors import Conflict, Error, Invalid, NotFound
from iaas.image.store import Store
from tests.contract import fake_rbd, fake_s3, fake_swift

A = "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11.1"
B = "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11.2"
C = "ffffffff-5b4e-4a55-9f0e-2d8e8c0d1a11.1"
HOSTILE = [
    "", ".", "..", "/etc/passwd", "../../etc/passwd", A + "/../x", A.upper(), A + "\n", A[:-2], A + "x",
    "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11.-1", "." + A, A + ".part", "\x00", A.replace("-", "/"),
]  # fmt: skip


# http keeps nothing itself: tests/contract/test_image_store_http.py has its promises.
WRITTEN = [name for name in plugins.names("iaas.image.stores") if name != "http"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[fake_s3.Bucket]:
    with fake_s3.serving() as found:
        yield found


@pytest.fixture(scope="module")
def account() -> Iterator[fake_swift.Account]:
    with fake_swift.serving() as found:
        yield found


@pytest.fixture(params=WRITTEN)
def make(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bucket: fake_s3.Bucket,
    account: fake_swift.Account,
) -> Callable[[], Store]:
    """Opens the same store again, as a restarted daemon does. S3, Swift and RBD are stand-ins, as their files say."""
    options = ImageStore(directory=str(tmp_path / "store"))
    if request.param == "s3":
        pytest.importorskip("boto3", reason="the extra s3 is not installed")
        bucket.objects.clear()
        bucket.uploads.clear()
        options = ImageStore(
            s3_endpoint=f"http://127.0.0.1:{bucket.port}", s3_bucket="b", s3_access_key="k", s3_secret_key="s",
            s3_part_mib=5,
        )  # fmt: skip
    elif request.param == "swift":
        pytest.importorskip("swiftclient", reason="the extra swift is not installed")
        account.containers.clear()
        options = ImageStore(
            swift_auth_url=f"http://127.0.0.1:{account.port}/auth/v1.0", swift_auth_version="1", swift_user="u",
            swift_password="k", swift_part_mib=5,
        )  # fmt: skip
    elif request.param == "rbd":
        for name, module in zip(("rados", "rbd"), fake_rbd.modules(), strict=True):
            monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr("iaas.image.stores.rbd.GROWTH", 1 << 20)
    plugin: Any = plugins.load("iaas.image.stores", request.param)
    return lambda: plugin(options, Image())


@pytest.fixture
def store(make: Callable[[], Store]) -> Store:
    return make()


def put(store: Store, name: str, *pieces: bytes) -> None:
    writer = store.writer(name)
    for piece in pieces:
        writer.write(piece)
    writer.commit()


def get(store: Store, name: str) -> bytes:
    with store.open(name) as file:
        return file.read()


def names(store: Store) -> list[tuple[str, int, bool]]:
    return sorted((blob.name, blob.size, blob.partial) for blob in store.inventory())


def test_what_was_written_is_read_again_also_after_a_restart(make: Callable[[], Store]) -> None:
    put(make(), A, b"hello ", b"", b"world")
    assert get(make(), A) == b"hello world"
    assert names(make()) == [(A, 11, False)]


def test_a_memoryview_can_be_written_and_its_buffer_used_again(store: Store) -> None:
    buffer = bytearray(b"first")
    writer = store.writer(A)
    writer.write(memoryview(buffer))
    buffer[:] = b"again"
    writer.write(memoryview(buffer)[:2])
    writer.commit()
    assert get(store, A) == b"firstag"


def test_a_reader_can_seek(store: Store) -> None:
    put(store, A, b"0123456789")
    with store.open(A) as file:
        file.seek(7)
        assert file.read(2) == b"78"


def test_nothing_is_visible_before_the_commit(store: Store) -> None:
    """C-23"""
    writer = store.writer(A)
    writer.write(b"half")
    with pytest.raises(NotFound):
        store.open(A)
    assert [partial for _, _, partial in names(store)] == [True]
    writer.commit()
    assert names(store) == [(A, 4, False)]


def test_an_abandoned_write_leaves_nothing(store: Store) -> None:
    writer = store.writer(A)
    writer.write(b"half")
    writer.abandon()
    writer.abandon()
    assert names(store) == []


def test_abandoning_after_the_commit_changes_nothing(store: Store) -> None:
    writer = store.writer(A)
    writer.write(b"all")
    writer.commit()
    writer.abandon()
    assert get(store, A) == b"all"


def test_what_a_killed_daemon_left_is_seen_as_partial_and_can_be_deleted(make: Callable[[], Store]) -> None:
    """F-10"""
    writer = make().writer(A)
    writer.write(b"half")
    store = make()
    (blob,) = store.inventory()
    assert (blob.name, blob.partial, blob.image_id) == (A, True, A[:36])
    assert 0 <= blob.age_s < 60
    assert store.delete(A) is True
    assert names(store) == []
    with pytest.raises(NotFound):
        writer.commit()
    assert names(store) == []


def test_a_name_is_written_once(store: Store) -> None:
    put(store, A, b"first")
    writer = store.writer(A)
    writer.write(b"second")
    with pytest.raises(Conflict):
        writer.commit()
    writer.abandon()
    assert get(store, A) == b"first"
    assert names(store) == [(A, 5, False)]


def test_a_delete_removes_that_name_and_no_other_however_often(store: Store) -> None:
    for name in (A, B, C):
        put(store, name, name.encode())
    assert store.delete(A) is True
    assert store.delete(A) is False
    assert [name for name, _, _ in names(store)] == [B, C]
    with pytest.raises(NotFound):
        store.open(A)
    assert get(store, B) == B.encode()


def test_a_reader_that_has_begun_keeps_its_bytes_through_a_delete(store: Store) -> None:
    put(store, A, b"0123456789")
    with store.open(A) as file:
        assert file.read(1) == b"0"
        store.delete(A)
        assert file.read() == b"123456789"


def test_a_blob_of_many_parts_comes_back_whole_and_is_in_memory_in_parts(
    store: Store, bucket: fake_s3.Bucket, account: fake_swift.Account
) -> None:
    piece = bytes(range(256)) * 4096
    writer = store.writer(A)
    for _ in range(11):
        writer.write(piece)
    writer.commit()
    with store.open(A) as file:
        assert b"".join(iter(lambda: file.read(1 << 20), b"")) == piece * 11
        file.seek(10 << 20)
        assert file.read(3) == b"\x00\x01\x02"
    assert max(bucket.largest, account.largest) <= 5 << 20


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_none_is_refused_everywhere(store: Store, name: str, tmp_path: Path) -> None:
    """S-019"""
    canary = tmp_path / "canary"
    canary.write_text("here")
    for use in (store.writer, store.open, store.delete):
        with pytest.raises(Invalid):
            use(name)
    assert canary.read_text() == "here"


def test_the_free_space_is_known_or_said_to_be_unknown(store: Store) -> None:
    free = store.free()
    assert free is None or free > 0


def test_errors_are_of_our_kinds(store: Store) -> None:
    with pytest.raises(Error):
        store.open(A)
