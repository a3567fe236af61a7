"""Every route of the identity API as every persona: rule times persona, from the route tables themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from iaas.api.identity import rules
from iaas.api.identity.rules import (
    ADMIN_OR_SELF,
    ONLY_SELF,
    SEE,
    SEE_OR_IN_DOMAIN,
    SEE_OR_SELF,
    TOKEN,
)
from iaas.api.route import ADMIN, ANY, SERVICE, Route
from tests.api.identity.world import PERSONAS, ROUTES, World


@pytest.fixture(autouse=True)
def domain(world: World) -> None:
    world.add_domain()


ADMINS = {"admin", "system_admin"}
SEERS = {*ADMINS, "system_reader"}
MANAGES = (
    rules.MANAGE_USER, rules.MANAGE_GROUP, rules.MANAGE_PROJECT, rules.MANAGE_MEMBERSHIP, rules.MANAGE_GRANT,
)  # fmt: skip
# Who gets past the rule of a route whose object is the stranger's, of the domain ``other``, or nobody's.
PAST = {
    ADMIN: ADMINS,
    SEE: SEERS,
    SEE_OR_SELF: {*SEERS, "stranger"},
    ADMIN_OR_SELF: {*ADMINS, "stranger"},
    rules.SEE_CREDENTIAL: {*SEERS, "stranger"},
    rules.CHANGE_CREDENTIAL: {*ADMINS, "stranger"},
    rules.SEE_PROJECT: {*SEERS, "stranger"},
    rules.SEE_USER: {*SEERS, "stranger"},
    rules.SEE_MEMBERSHIP: {*SEERS, "stranger"},
    rules.SEE_GROUP: SEERS,
    rules.LIST_GRANTS: SEERS,
    rules.SEE_GRANT: SEERS,
    rules.LIST_IN_DOMAIN: {*SEERS, "domain_manager", "domain_reader"},
    rules.SEE_ROLES: {*SEERS, "domain_manager"},
    rules.SEE_ROLE: SEERS,
    **dict.fromkeys(MANAGES, ADMINS),
    SEE_OR_IN_DOMAIN: SEERS,
    ONLY_SELF: {"stranger"},
    SERVICE: {*ADMINS, "service"},
    rules.SEE_TRUST: SEERS,  # the list of everybody's
    rules.SEE_REVOKED: {*SEERS, "service"},
    rules.MAKE_TRUST: set(PERSONAS),  # whose trust it is, the body says
    rules.END_TOKEN: set(PERSONAS),  # whose token it is, a header says
    ANY: set(PERSONAS),
}
PROTECTED = [route for route in ROUTES if not route.public]


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def url(world: World, route: Route) -> str:
    """The stranger's ids where a rule compares them; nobody's elsewhere: a refusal comes before the look-up."""
    known = {"user_id": world.ids["stranger"], "project_id": world.ids["theirs"], "domain_id": "d" * 32}
    chosen = {name: known[name] for name in route.target}
    return re.sub(r"<(\w+)>", lambda match: chosen.get(match[1], "f" * 32), route.path).removeprefix("/v3")


# Routes whose owner is known only by the object: the first gate compares the caller with itself, the handler with the
# owner (test_credentials.py, test_trusts.py).
LATER = ("/v3/credentials", "/v3/OS-TRUST/trusts/")


def past(route: Route) -> set[str]:
    """A manager of another domain learns from its body what is wrong with it before it learns that it may not."""
    assert route.policy is not None
    corrected = {"domain_manager"} if route.policy.check in MANAGES and route.body else set()
    return set(PERSONAS) if route.path.startswith(LATER) else PAST[route.policy.check] | corrected


def every() -> Iterator[tuple[Route, str]]:
    return ((route, who) for route in PROTECTED for who in PERSONAS)


def test_every_protected_route_is_401_without_a_good_token(world: World) -> None:
    before = world.state()
    for route in PROTECTED:
        for who in ("nobody", "forger"):
            answer = world.request(who, route.method, url(world, route), {"broken": True})
            assert answer.status_code == 401, (name_of(route), who)
    assert world.state() == before


def test_every_route_lets_through_exactly_who_its_rule_names(world: World) -> None:
    """A refusal is 403 in the published words, changes nothing (S-048), and is the same for what does not exist."""
    before = world.state()
    for route, who in every():
        assert route.policy is not None
        if route.policy.check == TOKEN:
            continue  # about the token in another header: test_tokens.py
        answer = world.request(who, route.method, url(world, route), {"wrong": "shape"} if route.body else None)
        refused = answer.status_code == 403 and (route.method == "HEAD" or route.policy.name in answer.text)
        assert refused == (who not in past(route)), (name_of(route), who, answer.text[:200])
        assert answer.status_code < 500, (name_of(route), who)
    assert world.state() == before


def test_every_route_with_a_body_refuses_another_shape(world: World) -> None:
    before = world.state()
    shapes: tuple[Any, ...] = ([], {}, {"x": 1}, "text", 5)
    for route in PROTECTED:
        for wrong in shapes if route.body else ():
            who = "stranger" if route.policy and route.policy.check == ONLY_SELF else "admin"
            answer = world.request(who, route.method, url(world, route), wrong)
            assert answer.status_code == 400, (name_of(route), wrong, answer.text[:200])
    assert world.state() == before


def test_rule_names_are_the_published_ones() -> None:
    """identity:<verb>_<noun>, and a rule means the same wherever it is used."""
    checks: dict[str, str] = {}
    for route in PROTECTED:
        assert route.policy is not None
        assert re.fullmatch(r"identity:[a-z0-9]+(_[a-z]+)+", route.policy.name)
        assert checks.setdefault(route.policy.name, route.policy.check) == route.policy.check
