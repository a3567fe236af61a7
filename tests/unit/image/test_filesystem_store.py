"""The filesystem store beyond the contract: the paths it makes, and what it never follows."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from iaas.config.sections import Image, ImageStore
from iaas.errors import TooLarge, Unavailable
from iaas.image.stores import filesystem
from iaas.image.stores.filesystem import FilesystemStore

A = "0b3a3c1e-5b4e-4a55-9f0e-2d8e8c0d1a11.1"


@pytest.fixture
def store(tmp_path: Path) -> FilesystemStore:
    return FilesystemStore(ImageStore(directory=str(tmp_path / "store")), Image())


def test_files_lie_in_a_folder_by_the_first_two_letters_and_are_not_for_everybody(store: FilesystemStore) -> None:
    writer = store.writer(A)
    writer.write(b"x")
    writer.commit()
    path = store.root / "0b" / A
    assert path.read_bytes() == b"x"
    assert [oct(p.stat().st_mode & 0o7777) for p in (path, path.parent, store.root)] == ["0o640", "0o750", "0o750"]


def test_a_symbolic_link_in_the_store_is_not_followed(store: FilesystemStore, tmp_path: Path) -> None:
    """S-019"""
    canary = tmp_path / "canary"
    canary.write_text("secret")
    (store.root / "0b").mkdir()
    (store.root / "0b" / A).symlink_to(canary)
    with pytest.raises(Unavailable):
        store.open(A)
    assert store.delete(A)
    assert canary.read_text() == "secret"


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, TooLarge), (errno.EDQUOT, TooLarge), (errno.EIO, Unavailable)]
)
def test_the_system_s_errors_have_kinds(
    store: FilesystemStore, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    """F-63"""
    writer = store.writer(A)

    def fails(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filesystem.os, "write", fails)
    with pytest.raises(kind):
        writer.write(b"x")
    writer.abandon()
    assert list(store.inventory()) == []


def test_the_last_of_the_space_is_not_taken(store: FilesystemStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "RESERVE", 1 << 60)
    assert store.free() == 0
    with pytest.raises(TooLarge):
        store.writer(A).write(b"x")
