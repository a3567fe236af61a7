"""Promises of host/files.py on a real file system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iaas import errors
from iaas.host import files


def test_a_write_replaces_the_whole_content_and_leaves_no_partial_file(tmp_path: Path) -> None:
    """C-23."""
    target = tmp_path / "fence"
    files.write(target, "1")
    files.write(target, b"22")
    assert files.read(target) == b"22"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fence"]
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "fence"
    files.write(target, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):
        files.write(target, "new")
    assert files.read(target) == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fence"]


def test_a_directory_is_private_even_if_it_was_not(tmp_path: Path) -> None:
    """S-127."""
    path = tmp_path / "a" / "b"
    path.mkdir(parents=True, mode=0o777)
    path.chmod(0o777)
    assert files.directory(path).stat().st_mode & 0o777 == 0o700


def test_reading_is_bounded_and_nothing_there_is_none(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none") is None
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(errors.TooLarge):
        files.read(tmp_path / "big", limit=10)


def test_the_tail_is_the_last_bytes(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"0123456789")
    assert files.tail(tmp_path / "log", 4) == b"6789"
    assert files.tail(tmp_path / "log", 100) == b"0123456789"
    assert files.tail(tmp_path / "none", 4) == b""


def test_only_partial_files_past_their_lease_are_swept(tmp_path: Path) -> None:
    old, fresh, other = files.partial(tmp_path / "a"), files.partial(tmp_path / "a"), tmp_path / "a"
    for file in (old, fresh, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - 100, time.time() - 100))
    assert files.sweep(tmp_path, older_than=50) == [old.name]
    assert fresh.exists() and other.exists()
    assert files.sweep(tmp_path / "missing", older_than=0) == []


def test_a_lock_excludes_others_until_it_is_left(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with files.lock(path), pytest.raises(errors.Timeout, match="is held"), files.lock(path, timeout=0.05):
        pass
    with files.lock(path, timeout=0.05):
        pass


def test_the_death_of_a_holder_frees_its_lock(tmp_path: Path) -> None:
    """F-69: a kernel lock, no pid file."""
    code = (
        "import sys, time, pathlib; from iaas.host import files\n"
        "with files.lock(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    path = tmp_path / "lock"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(errors.Timeout), files.lock(path, timeout=0.05):
            pass
        holder.kill()
        holder.wait()
        with files.lock(path, timeout=5):
            pass


def test_removing_a_tree_twice_is_fine(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    files.remove_tree(tmp_path / "x")
    files.remove_tree(tmp_path / "x")
    assert not (tmp_path / "x").exists()
