"""S-008: mutated headers against a well-kept inspector, oslo.utils': what it refuses, we refuse."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oslo_utils.imageutils import format_inspector as oslo

from iaas.inspection.unsafe import Unsafe
from tests.evilimg import good
from tests.evilimg.corpus import GROUPS, group
from tests.unit.inspection.judge import inspect

NAMES = ("qcow2", "vmdk", "vdi", "vhd", "vhdx", "iso")
PIECE, HEAD = 1 << 16, 1 << 18  # the oracle must not be fed with all at once: it looks for one thing a piece
# Where the fields are of which an inspector reads some: (start, length)
FIELDS = {
    "qcow2": ((0, 128), (65536, 64)), "vmdk": ((0, 80), (512, 400)), "vdi": ((0x40, 8), (0x154, 0x80)),
    "vhd": ((0, 96), (512, 80)), "vhdx": ((0, 16), (65536, 80), (196608, 96), (2 << 20, 256), (3 << 20, 256)),
    "iso": ((0, 16), (510, 2), (32768, 160)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.getLogger(oslo.__name__).setLevel(logging.CRITICAL)
    yield
    logging.getLogger(oslo.__name__).setLevel(logging.NOTSET)


def oslo_refuses(declared: str, data: bytes) -> bool:
    """With its own judgement alone: the format it finds, its checks, its size."""
    found: dict[str, Any] = {}
    for name, make in oslo.ALL_FORMATS.items():
        inspector = make()
        try:
            for at in range(0, len(data) if name == declared else HEAD, PIECE):
                inspector.eat_chunk(data[at : at + PIECE])
            inspector.finish()
            if name != "raw" and inspector.format_match:
                found[name] = inspector
        except (oslo.ImageFormatError, struct.error, ValueError, IndexError):
            continue  # not that format; where it is the declared one, nothing is found
    if set(found) - {"gpt" if declared == "iso" else ""} != {declared}:
        return True
    try:
        found[declared].safety_check()
    except (oslo.SafetyCheckFailed, oslo.ImageFormatError):
        return True
    return declared != "iso" and found[declared].virtual_size <= 0


def accepts(declared: str, data: bytes) -> bool:
    try:
        return inspect(declared, data) > 0
    except Unsafe:
        return False


@pytest.mark.parametrize("declared", NAMES)
def test_a_mutated_header_never_crashes_and_never_passes_where_the_oracle_refuses(declared: str) -> None:
    """S-008, S-010, S-013: also as raw, where only the signatures speak."""
    base = good.plain(declared)
    base = base[: (3 << 20) + (1 << 18)] if declared == "vhdx" else base
    places = [place for start, length in FIELDS[declared] for place in range(start, min(start + length, len(base)))]
    values = st.one_of(st.sampled_from((0, 1, 2, 4, 16, 0x7F, 0x80, 0xFF)), st.integers(0, 255))
    changes = st.lists(st.tuples(st.sampled_from(places), values), min_size=1, max_size=6)

    @settings(max_examples=30 if declared == "vhdx" else 80, deadline=None, derandomize=True, database=None)
    @given(changes)
    def mutated(changes: list[tuple[int, int]]) -> None:
        data = bytearray(base)
        for at, value in changes:
            data[at] = value
        if accepts(declared, bytes(data)):
            assert not oslo_refuses(declared, bytes(data))
        accepts("raw", bytes(data))

    mutated()


def test_the_oracle_alone_would_let_images_through_that_read_other_files() -> None:
    """Why there are inspectors of our own: docs/decisions/0028."""
    missed = {
        evil.name
        for name in GROUPS
        for evil in group(name)
        if evil.told and evil.declared in NAMES and not oslo_refuses(evil.declared, evil.data)
    }
    assert missed >= {"vmdk with a parent", "vmdk with a parent in a comment"}
