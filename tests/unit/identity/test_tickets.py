"""Tickets: open what they say until they end, and are never taken for a login."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from iaas.clock import ManualClock
from iaas.errors import Unauthenticated
from iaas.identity.keys import KeyRing
from iaas.identity.tickets import TicketDesk
from iaas.identity.tokens import TokenCodec, new_audit_id
from iaas.ids import new_hex
from iaas.model.token import UNSCOPED, Claims


@pytest.fixture
def keys(tmp_path: Path, clock: ManualClock) -> KeyRing:
    ring = KeyRing(str(tmp_path / "keys"), clock)
    ring.create()
    return ring


@pytest.fixture
def desk(keys: KeyRing, clock: ManualClock) -> TicketDesk:
    return TicketDesk(keys, clock)


def test_a_ticket_opens_its_subject_for_its_purpose_until_its_end(desk: TicketDesk, clock: ManualClock) -> None:
    text = desk.issue("image.upload", "an image", 60)
    assert desk.open("image.upload", text) == "an image"
    with pytest.raises(Unauthenticated):
        desk.open("console", text)
    clock.advance(61)
    with pytest.raises(Unauthenticated):
        desk.open("image.upload", text)


def test_nothing_but_the_text_that_was_issued_opens(desk: TicketDesk) -> None:
    text = desk.issue("image.upload", "an image", 60)
    changed = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
    for other in (changed, text + "A", text[:-1], text.upper(), "", "ticket.", text.removeprefix("ticket."), "é" * 9,
                  text + "A" * 4000):  # fmt: skip
        with pytest.raises(Unauthenticated):
            desk.open("image.upload", other)


def test_neither_a_token_nor_a_ticket_is_the_other(desk: TicketDesk, keys: KeyRing, clock: ManualClock) -> None:
    codec, now = TokenCodec(keys), clock.now()
    token = codec.seal(
        Claims(
            user_id=new_hex(),
            methods=("password",),
            scope=UNSCOPED,
            audit_ids=(new_audit_id(),),
            issued_at=now,
            expires_at=now + timedelta(hours=1),
        )
    )
    for text in (token, "ticket." + token):
        with pytest.raises(Unauthenticated):
            desk.open("image.upload", text)
    ticket = desk.issue("image.upload", "x", 60)
    for text in (ticket, ticket.removeprefix("ticket.")):
        with pytest.raises(Unauthenticated):
            codec.open(text)
