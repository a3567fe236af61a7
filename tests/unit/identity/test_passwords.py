"""Passwords: every byte counts, no answer tells more than another, guessing is slowed down."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from iaas.db.identity.nouns import USERS
from iaas.errors import Invalid, Unauthenticated
from iaas.identity import throttle
from iaas.identity.login import Credentials, Wanted
from iaas.identity.passwords import Passwords
from iaas.identity.service import IdentityServices
from iaas.identity.throttle import Throttle
from iaas.model.user import Reference
from tests import cpu
from tests.unit.identity import people

HASHES = Passwords(rounds=4)


@pytest.mark.parametrize("password", ["x", "a b\u00fc%'\"", "p" * 72, "p" * 4096, "before\x00after"])
def test_the_right_password_is_right(password: str) -> None:
    assert HASHES.check(password, HASHES.hash(password))


def test_bytes_after_the_72nd_and_after_a_nul_count() -> None:
    """S-043"""
    stored = HASHES.hash("p" * 72 + "tail")
    assert not HASHES.check("p" * 72, stored)
    assert not HASHES.check("p" * 72 + "other", stored)
    assert not HASHES.check("before", HASHES.hash("before\x00after"))


@pytest.mark.parametrize("password", ["", "p" * 4097, "\u00fc" * 2049])
def test_an_empty_or_huge_password_is_invalid_at_once(password: str) -> None:
    """S-043: a megabyte costs nothing, since it is refused before it is hashed."""
    with pytest.raises(Invalid):
        Passwords(rounds=16).hash(password)


def test_a_hash_says_nothing_of_the_password_and_differs_each_time() -> None:
    assert HASHES.hash("secret") != HASHES.hash("secret")
    assert "secret" not in HASHES.hash("secret")


def test_without_a_stored_hash_the_check_fails_after_the_same_work() -> None:
    """S-041: the two differ by much less than a hash costs. By turns, and the least of each: what others do to this
    machine's caches meanwhile only adds to it."""
    slow = Passwords(rounds=8)
    stored = slow.hash("right")
    times: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(12):
        for hashed, seen in times.items():
            with cpu.counted() as spent:
                assert not slow.check("wrong", hashed)
            seen += spent
    assert min(times[None]) == pytest.approx(min(times[stored]), rel=0.25)


def test_after_five_failures_the_account_answers_only_now_and_then_to_that_source(clock: ManualClock) -> None:
    """S-042"""
    slow = Throttle(clock)
    for _ in range(throttle.FREE):
        assert slow.is_open("admin", "10.0.0.1")
        slow.failed("admin", "10.0.0.1")
    assert not slow.is_open("admin", "10.0.0.1")
    assert slow.is_open("admin", "10.0.0.2"), "the owner elsewhere is still served"
    assert slow.is_open("other", "10.0.0.1")
    clock.advance(1)
    assert slow.is_open("admin", "10.0.0.1")
    slow.failed("admin", "10.0.0.1")
    clock.advance(1)
    assert not slow.is_open("admin", "10.0.0.1"), "the delay grows"
    for _ in range(50):
        slow.failed("admin", "10.0.0.1")
    clock.advance(throttle.LONGEST)
    assert slow.is_open("admin", "10.0.0.1"), "the delay is bounded"
    slow.succeeded("admin", "10.0.0.1")
    slow.failed("admin", "10.0.0.1")
    assert slow.is_open("admin", "10.0.0.1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),  # whoever has one address of a /64 has them all
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),  # as a socket for both protocols names its IPv4 clients
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "unix", False),
    ],
)
def test_a_network_that_one_customer_gets_is_one_source(clock: ManualClock, one: str, other: str, same: bool) -> None:
    """S-042"""
    slow = Throttle(clock, attempts=1, locked=60.0)
    slow.failed("account", one)
    assert slow.is_open("account", other) is not same
    slow.succeeded("account", other)
    assert slow.is_open("account", one) is same


def test_the_throttle_remembers_a_bounded_number_of_accounts(clock: ManualClock) -> None:
    slow = Throttle(clock)
    for number in range(throttle.CAPACITY + 100):
        slow.failed(f"account-{number}", "")
    assert len(slow._known) == throttle.CAPACITY


def test_six_wrong_logins_delay_even_the_right_password_from_there(
    services: IdentityServices, clock: ManualClock
) -> None:
    """S-042, through the login itself."""
    who = people.user(services)

    def log_in(password: str, source: str) -> str:
        credentials = Credentials(user=Reference(name="u", domain_id="default"), password=password)
        return services.login.issue(credentials, Wanted(), source).access.user.id

    for _ in range(6):
        with pytest.raises(Unauthenticated):
            log_in("wrong", "attacker")
    with pytest.raises(Unauthenticated):
        log_in("secret", "attacker")
    assert log_in("secret", "owner") == who.id
    clock.advance(2)
    assert log_in("secret", "attacker") == who.id


def test_a_user_without_a_password_can_not_log_in_with_one(services: IdentityServices) -> None:
    who = people.user(services, "service-like", password=None)
    for password in ("", "None", "null"):
        with pytest.raises((Unauthenticated, Invalid)):
            people.log_in(services, who, Wanted(), password)


def test_the_hash_and_not_the_password_is_stored(services: IdentityServices) -> None:
    """A-103"""
    people.user(services, "canary", "c4n4ry-p4ssw0rd")
    with services.database.read() as tx:
        rows = [row._mapping for row in tx.all(USERS.table.select())]
    [canary] = [row for row in rows if row["name"] == "canary"]
    assert canary["password_hash"].startswith("sha256:$2b$04$")
    assert "c4n4ry" not in repr(rows)
