"""The corpus of hostile images (S-001 … S-011): each is refused, at once, whatever QEMU would do with it."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from iaas.host.qemu_img import inspected
from iaas.inspection.inspector import HEAD, Inspector, Limits
from iaas.inspection.unsafe import Unsafe
from tests import cpu
from tests.evilimg import good, reality
from tests.evilimg.corpus import GROUPS, group
from tests.unit.inspection.judge import inspect, refusal

AT_ONCE_S = 0.2  # of CPU time, for the stream and the file


@pytest.mark.parametrize("name", GROUPS)
def test_every_hostile_image_is_refused_at_once(name: str) -> None:
    """S-001 … S-006, S-008 … S-011, S-013"""
    accepted, slow = [], []
    for evil in group(name):
        with cpu.counted() as spent:
            reason = refusal(evil.declared, evil.data)
        if reason is None:
            accepted.append(evil.name)
        if spent[0] > AT_ONCE_S:
            slow.append(evil.name)
    assert (accepted, slow) == ([], [])


def test_the_corpus_has_what_the_rows_ask_for() -> None:
    images = [evil for name in GROUPS for evil in group(name)]
    assert len({evil.name for evil in images}) == len(images) >= 200
    rows = {"S-001", "S-002", "S-003", "S-004", "S-005", "S-006", "S-008", "S-009", "S-010", "S-011", "S-013"}
    assert {evil.row for evil in images} == rows


@pytest.mark.parametrize("name", GROUPS)
def test_the_canary_is_read_by_qemu_where_the_corpus_says_so(tmp_path: Path, name: str) -> None:
    """The dangerous ones are dangerous: what is refused above would have been another's data in a guest's disk."""
    reality.plant(tmp_path)
    harmless = [
        f"{evil.name}, {'told' if format else 'guessed'}"
        for evil in group(name)
        for claimed, format in ((evil.told, evil.declared), (evil.guessed, None))
        if claimed and evil.name.partition(" ")[0] != "declared" and not reality.reads(tmp_path, evil.data, format)
    ]
    assert harmless == []


@pytest.mark.parametrize("drawn", ["1", "abc1234", "fedcba98"])
def test_the_planted_disk_has_the_known_id_whatever_id_qemu_drew(drawn: str) -> None:
    text = f"# Disk DescriptorFile\nversion=1\nCID={drawn}\nparentCID=ffffffff\n"
    known = reality.known(b"KDMV" + text.encode().ljust(508, b"\0") + b"data")
    assert known[:4] + known[512:] == b"KDMVdata"
    assert known[4:512].rstrip(b"\0").decode() == text.replace(f"CID={drawn}", "CID=c0ffee00", 1)


def test_no_connection_is_made_for_an_image_that_names_an_address(tmp_path: Path) -> None:
    """S-003: QEMU connects when it opens such an image; it never gets to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.0)
        at = f"nbd://127.0.0.1:{listener.getsockname()[1]}/x"
        good.qemu_img(tmp_path, "create", "-q", "-u", "-f", "qcow2", "-b", at, "-F", "raw", "image", "1M")
        with pytest.raises(Unsafe):
            inspected(tmp_path / "image", "qcow2", 1 << 20)
        with pytest.raises(BlockingIOError):
            listener.accept()
        told = subprocess.Popen(["qemu-img", "info", "--backing-chain", "-f", "qcow2", "image"], cwd=tmp_path,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        listener.settimeout(20.0)
        listener.accept()[0].close()
        told.wait(20)


@pytest.mark.parametrize("declared", good.FORMATS)
def test_every_other_declared_format_is_refused(declared: str) -> None:
    """S-007, S-004: the matrix of 42."""
    pairs = {real: refusal(declared, good.plain(real)) for real in good.FORMATS if real != declared}
    assert len(pairs) == 6 and all(pairs.values()), pairs
    assert refusal(declared, good.plain(declared)) is None


def test_the_cuts_of_the_network_change_no_verdict() -> None:
    for declared in good.FORMATS:
        data = good.plain(declared)
        assert {inspect(declared, data, piece=piece) for piece in (1000, 4096, 65537, 1 << 20, 1 << 24)} == {
            inspect(declared, data)
        }


def test_a_disk_larger_than_allowed_is_refused_however_small_its_file() -> None:
    """S-011: with the sizes in words."""
    for declared in good.FORMATS:
        size = inspect(declared, good.plain(declared))
        assert inspect(declared, good.plain(declared), limit=size) == size
        with pytest.raises(Unsafe, match=f"has {size} bytes, {size - 1} are allowed"):
            inspect(declared, good.plain(declared), limit=size - 1)


def test_what_is_kept_of_a_stream_is_bounded() -> None:
    inspector = Inspector("vhdx", Limits(1 << 40))
    data = good.plain("vhdx")
    inspector.feed(data)
    for _ in range(64):
        inspector.feed(bytes(1 << 20))
    assert sum(len(kept) for kept in (inspector._head, inspector._tail, inspector._region)) <= 3 * HEAD + 1536
