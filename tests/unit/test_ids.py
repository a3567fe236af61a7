"""Identifiers: made so that nobody can guess or forge them, recognised strictly (S-019)."""

from __future__ import annotations

import re
import uuid

import pytest

from iaas import ids

MAC = re.compile(r"fa:16:3e(:[0-9a-f]{2}){3}")


def test_ids_are_random_and_of_their_shape() -> None:
    assert len({ids.new_uuid() for _ in range(1000)}) == 1000
    assert all(uuid.UUID(made).version == 4 for made in (ids.new_uuid(), ids.new_hex()))
    assert len(ids.new_uuid()) == 36
    assert re.fullmatch(r"[0-9a-f]{32}", ids.new_hex())
    assert ids.is_request_id(ids.new_request_id())


@pytest.mark.parametrize("text", [ids.new_uuid(), ids.new_hex(), ids.new_uuid().upper()], ids=["uuid", "hex", "upper"])
def test_uuids_are_recognised_with_and_without_dashes(text: str) -> None:
    assert ids.is_uuid(text)


GOOD = "00000000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    "text",
    ["", "x", GOOD[:-1], GOOD + "0", GOOD + "\n", " " + GOOD, "../" + GOOD, GOOD.replace("-", "_"), "{" + GOOD + "}",
     "urn:uuid:" + GOOD, GOOD.replace("1", "\u0661"), GOOD.replace("0", "g"), "'; DROP TABLE servers; --"],
)  # fmt: skip
def test_nothing_else_is_a_uuid(text: str) -> None:
    assert not ids.is_uuid(text)


@pytest.mark.parametrize(
    "text", ["", GOOD, f"req-{GOOD}\n", f"req-{GOOD}x", f"REQ-{GOOD}", "req-\x1b[31m", f"req-{GOOD.upper()}"[:40] + "A"]
)
def test_only_a_well_formed_request_id_of_a_caller_is_written_down(text: str) -> None:
    """S-119: anything else could forge a line of the log."""
    assert not ids.is_request_id(text)


def test_a_mac_begins_with_its_prefix() -> None:
    made = {ids.new_mac() for _ in range(100)}
    assert len(made) > 90
    assert all(MAC.fullmatch(mac) for mac in made)
    assert ids.new_mac("02:00:00").startswith("02:00:00:")
