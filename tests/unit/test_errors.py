"""Kinds of failure, and that one which crossed the bus is the same kind again."""

from __future__ import annotations

import pytest

from iaas import errors
from iaas.errors import KINDS, Error, Internal, NotFound, revive


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_that_crossed_the_bus_is_of_the_same_kind_with_its_words_and_details(kind: str) -> None:
    sent = KINDS[kind]("It is so.", resource="server", id="x", limit=3)
    back = revive(sent.kind, sent.message, sent.details)
    assert type(back) is KINDS[kind]
    assert (back.kind, back.message, back.details) == (kind, "It is so.", sent.details)
    assert str(back) == "It is so."


def test_a_kind_that_is_not_known_here_is_a_defect() -> None:
    """Sent by a newer version, or by nobody of us."""
    assert type(revive("melted", "It melted.", {})) is Internal
    assert type(revive("__init__", "", {})) is Internal


def test_every_kind_that_is_defined_can_cross_the_bus() -> None:
    defined = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Error)}
    assert defined - {Error} == set(KINDS.values())
    assert len({kind.kind for kind in KINDS.values()}) == len(KINDS)


def test_what_was_not_found_is_named_in_words_and_in_details() -> None:
    error = NotFound.of("security_group", "5")
    assert error.message == "Security group 5 could not be found."
    assert error.details == {"resource": "security_group", "id": "5"}
