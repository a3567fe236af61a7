"""A token's text: small, private, and only the exact text that was issued opens."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from iaas.clock import ManualClock
from iaas.errors import Invalid, Unauthenticated, Unavailable
from iaas.identity.keys import KeyRing
from iaas.identity.tokens import TokenCodec, new_audit_id
from iaas.ids import new_hex
from iaas.model.token import ON_SYSTEM, UNSCOPED, Claims, Scope, ScopeKind


@pytest.fixture
def keys(tmp_path: Path, clock: ManualClock) -> KeyRing:
    ring = KeyRing(str(tmp_path / "keys"), clock)
    ring.create()
    return ring


def claims(clock: ManualClock, scope: Scope = UNSCOPED) -> Claims:
    return Claims(
        user_id=new_hex(),
        methods=("password", "token"),
        scope=scope,
        audit_ids=(new_audit_id(), new_audit_id()),
        issued_at=clock.now(),
        expires_at=clock.now() + timedelta(hours=1, microseconds=7),
    )


@pytest.mark.parametrize(
    "scope",
    [
        UNSCOPED,
        ON_SYSTEM,
        Scope(kind=ScopeKind.PROJECT, id=new_hex()),
        Scope(kind=ScopeKind.DOMAIN, id="default"),
        Scope(kind=ScopeKind.DOMAIN, id="fifteen-letters"),
        Scope(kind=ScopeKind.PROJECT, id=new_hex().upper()),
    ],
)
def test_what_is_sealed_opens_unchanged_in_under_255_characters(
    keys: KeyRing, clock: ManualClock, scope: Scope
) -> None:
    codec, wanted = TokenCodec(keys), claims(clock, scope)
    text = codec.seal(wanted)
    assert codec.open(text) == wanted
    assert len(text) < 255


def mutations(text: str, count: int) -> Iterator[str]:
    """Bit flips, swapped case, foreign characters, spaces, NUL, padding, cuts, doubled parts, spare bits."""
    chance = random.Random(33)
    alphabet = string.ascii_letters + string.digits + "-_"
    yield from (text + tail for tail in ("=", "==", " ", "\n", "\x00", "A", "%00", "\u00e9", text))
    yield from (head + text for head in (" ", "\ufeff", "A"))
    yield from (text.lower(), text.upper(), text.swapcase(), text[::-1], "", "=", "gAAAAA")
    for last in alphabet:  # the last character has spare bits: another spelling of the same bytes
        if last != text[-1]:
            yield text[:-1] + last
    for _ in range(count):
        at = chance.randrange(len(text))
        kind = chance.randrange(5)
        if kind == 0:
            yield text[:at] + chance.choice(alphabet.replace(text[at], "")) + text[at + 1 :]
        elif kind == 1:
            yield text[:at] + chance.choice(" \t\n\x00+/.!\u00fc=") + text[at:]
        elif kind == 2:
            yield text[:at] + text[at + 1 :]
        elif kind == 3:
            raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
        else:
            yield text[:at] + text[at].swapcase() + text[at + 1 :]


def test_of_5000_mutations_of_a_token_none_opens(keys: KeyRing, clock: ManualClock) -> None:
    """S-033"""
    codec = TokenCodec(keys)
    text = codec.seal(claims(clock))
    tried = 0
    for mutated in mutations(text, 5500):
        if mutated == text:
            continue
        with pytest.raises(Unauthenticated):
            codec.open(mutated)
        tried += 1
    assert tried >= 5000


def test_a_text_sealed_with_a_key_that_is_not_ours_does_not_open(
    keys: KeyRing, clock: ManualClock, tmp_path: Path
) -> None:
    other = KeyRing(str(tmp_path / "other"), clock)
    other.create()
    with pytest.raises(Unauthenticated):
        TokenCodec(keys).open(TokenCodec(other).seal(claims(clock)))


def test_something_else_sealed_with_our_key_is_no_token(keys: KeyRing) -> None:
    for data in (b"", b"x", b"\x98\x00", b"\x93\x01\xa1x\x02"):
        with pytest.raises(Unauthenticated):
            TokenCodec(keys).open(keys.ring().encrypt(data).decode().rstrip("="))


def test_the_keys_are_private_files_made_once(tmp_path: Path, clock: ManualClock, keys: KeyRing) -> None:
    directory = tmp_path / "keys"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir() if path.name.isdigit()} == {
        "0": 0o600,
        "1": 0o600,
    }
    before = (directory / "1").read_bytes()
    assert keys.create() is False
    assert (directory / "1").read_bytes() == before


def test_a_token_outlives_a_rotation_but_not_the_removal_of_its_key(keys: KeyRing, clock: ManualClock) -> None:
    codec = TokenCodec(keys)
    text = codec.seal(claims(clock))
    keys.rotate(keep=3)
    assert codec.open(text)
    keys.rotate(keep=3)
    with pytest.raises(Unauthenticated):
        codec.open(text)


def test_a_node_knows_the_new_sealing_key_before_it_is_used(keys: KeyRing, clock: ManualClock, tmp_path: Path) -> None:
    """Key 0 is copied around first and seals only after the next rotation."""
    staged = (tmp_path / "keys" / "0").read_bytes()
    keys.rotate()
    assert (tmp_path / "keys" / "2").read_bytes() == staged
    text = TokenCodec(keys).seal(claims(clock))
    assert Fernet(staged).decrypt(text + "=" * (-len(text) % 4))


def test_keys_that_another_process_changed_are_seen_within_a_second(
    tmp_path: Path, clock: ManualClock, keys: KeyRing
) -> None:
    keys.ring()
    other = KeyRing(str(tmp_path / "keys"), clock)
    other.rotate()
    text = TokenCodec(other).seal(claims(clock))
    clock.advance(1)
    assert TokenCodec(keys).open(text)


def test_without_keys_the_service_is_unavailable_and_says_why(tmp_path: Path, clock: ManualClock) -> None:
    empty = KeyRing(str(tmp_path / "nothing"), clock)
    with pytest.raises(Unavailable, match="token keys"):
        TokenCodec(empty).seal(claims(clock))
    with pytest.raises(Invalid):
        empty.rotate(keep=1)


def test_a_damaged_key_file_keeps_the_keys_in_force(tmp_path: Path, clock: ManualClock, keys: KeyRing) -> None:
    codec = TokenCodec(keys)
    text = codec.seal(claims(clock))
    (tmp_path / "keys" / "5").write_text("rubbish")
    clock.advance(2)
    assert codec.open(text)
