"""Filters of lists: parts of names, flags, times; nothing that a client sends is a pattern (S-114, S-115)."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from tests.api.identity.world import Case, World

NAMES = ("Ann", "anna", "a%b", "a_b", "a*b", "a[b", "joanna", "a\\b")
WANTED = [
    ("name=anna", ["anna"]),
    ("name__equals=anna", ["anna"]),
    ("name__iequals=ANN", ["Ann"]),
    ("name__contains=ann", ["anna", "joanna"]),
    ("name__icontains=ANN", ["Ann", "anna", "joanna"]),
    ("name__startswith=a&name__contains=n", ["anna"]),
    ("name__istartswith=a&name__endswith=n", ["Ann"]),
    ("name__endswith=nna", ["anna", "joanna"]),
    ("name__iendswith=NNA", ["anna", "joanna"]),
    ("name__startswith=a%25", ["a%b"]),
    ("name__icontains=%25", ["a%b"]),
    ("name__contains=_", ["a_b"]),
    ("name__icontains=_", ["a_b"]),
    ("name__contains=*", ["a*b"]),
    ("name__contains=[", ["a[b"]),
    ("name__contains=\\", ["a\\b"]),
    ("name__icontains=\\", ["a\\b"]),
    ("name__contains=' OR 1=1 --", []),
    ("name__startswith=ann&name__sounds_like=x&colour=red", ["anna"]),
]


def test_parts_of_names_find_what_they_say_and_wildcards_are_inert(world: World) -> None:
    """S-114, S-115, in every noun's list: one mechanism, so one noun shows it."""
    world.ids["d"] = world.make("domain", name="d")
    for name in NAMES:
        world.make("user", name=name, domain_id=world.ids["d"])
    for query, found in WANTED:
        world.run(Case("admin", "GET", f"/users?domain_id={{d}}&{query}", 200, has=(("users.*.name", sorted(found)),)))
    for evil in ("(a+)+$" * 20, "%" * 200, "*" * 200, "[" * 200):
        world.run(Case("admin", "GET", f"/users?name__contains={evil.replace('%', '%25')}", 200, has=(("users", []),)))


@pytest.mark.parametrize(
    ("path", "key", "found"),
    [
        ("/groups?name__contains=re", "groups", ["crew"]),
        ("/users/{member}/groups?name__istartswith=C", "groups", ["crew"]),
        ("/groups/{crew}/users?name__endswith=ber", "users", ["member"]),
        ("/projects?name__startswith=ou", "projects", ["ours"]),
        ("/projects?parent_id=default&name__icontains=HEIR", "projects", ["theirs"]),
        ("/domains?name__iequals=DEFAULT&enabled", "domains", ["Default"]),
        ("/roles?name__contains=anag", "roles", ["manager"]),
        ("/services?type__startswith=comp", "services", ["nova"]),
        ("/users?enabled=0", "users", []),
        ("/users?idp_id=somewhere", "users", []),
        ("/projects?name=ours&sort_key=name&sort_dir=up&sort=x:y", "projects", ["ours"]),
    ],
)
def test_every_list_has_its_filters(world: World, path: str, key: str, found: list[str]) -> None:
    world.ids["crew"] = world.make("group", name="crew")
    world.run(Case("admin", "PUT", "/groups/{crew}/users/{member}", 204))
    world.run(Case("admin", "GET", path, 200, has=((f"{key}.*.name", found),)))
    world.run(Case("admin", "HEAD", path, 200))


def test_users_are_found_by_when_their_passwords_end(world: World, clock: ManualClock) -> None:
    with world.services.database.transaction() as tx:
        from iaas.db.identity.nouns import USERS

        USERS.update(tx, world.ids["member"], {"password_expires_at": clock.now()})
    moment = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    for query, count in (
        ("lte:", 1), ("lt:", 0), ("gte:", 1), ("gt:", 0), ("", 1), ("eq:", 1), ("neq:", 0),
    ):  # fmt: skip
        path = f"/users?password_expires_at={query}{moment}"
        world.run(Case("admin", "GET", path, 200, has=(("users.#", count),)))
    world.run(Case("admin", "GET", "/users?password_expires_at=gt:2020-01-01T00:00:00Z", 200, has=(("users.#", 1),)))
    for wrong in ("soon", "gt:", "near:2020-01-01T00:00:00Z"):
        world.run(Case("admin", "GET", f"/users?password_expires_at={wrong}", 400))
