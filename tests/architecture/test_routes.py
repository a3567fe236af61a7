"""What holds for every route of every API, whoever adds one: a rule, a closed body, a test case."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from iaas.api.policy import BASE, Policy
from iaas.api.route import Route, Rule, collect
from iaas.api.rulebook import SERVICES, rules_of
from tests.api.recorder import LIST, name_of

ROOT = Path(__file__).parents[2]
API = ROOT / "iaas/api"
SERVED = (*SERVICES, "metadata")
ROUTES = [(service, route) for service in SERVED for route in collect(f"iaas.api.{service}")]
REGISTERED = {service: {rule.name for rule in (*BASE, *rules_of(service))} for service in SERVICES}
# How each service's rules are named: what looks like one in its code is one.
LOOKS = {
    "identity": r"identity:\w+",
    "image": r"(publicize|communitize|deactivate|reactivate)_image|(add|get|modify|delete|upload|download)_\w+",
    "compute": r"os_compute_api:[\w:-]+",
    "network": r"(get|create|update|delete)_(network|subnet|port|security_group|quota|agent|extension)\w*(:[\w:-]+)?",
    "volume": r"(volume|volume_extension|backup|message|clusters|group|limits_extension):[\w:-]+",
}


def folders() -> set[str]:
    return {info.name for info in pkgutil.iter_modules([str(API)]) if info.ispkg}


def test_every_api_is_looked_at() -> None:
    assert folders() == set(SERVED)


def failing(check: Callable[[Route], bool]) -> list[str]:
    """The routes for which the check does not hold."""
    return [name_of(service, route) for service, route in ROUTES if not check(route)]


def test_a_route_has_a_rule_or_is_public_on_purpose() -> None:
    """Public is only reading, logging in, and a new password for an old one."""
    assert not failing(lambda route: (route.policy is None) == route.public)
    public = [route for _, route in ROUTES if route.public]
    writing = {route.path for route in public if route.method not in ("GET", "HEAD")}
    assert writing == {"/v3/auth/tokens", "/v3/users/<user_id>/password"}


def test_a_rule_compares_only_variables_that_the_path_has() -> None:
    assert not failing(lambda route: set(route.target) <= set(re.findall(r"<(?:\w+:)?(\w+)>", route.path)))


def test_a_rule_that_compares_the_object_gets_to_know_it() -> None:
    """Without ``about`` such a rule would deny, and with it in a file only, a route would never look."""
    assert not failing(lambda route: not (route.policy and "%(target." in route.policy.check) or bool(route.about))


# Bodies -----------------------------------------------------------------------------------------------------------


def test_a_body_is_checked_against_a_closed_schema() -> None:
    """Unknown keys are refused, or are at least of a declared type; lists have an end. Streams bound themselves."""
    assert not failing(lambda route: route.body is None or (bounded(route.body) and not route.raw))


def test_a_route_without_a_schema_reads_no_body() -> None:
    reads = re.compile(r"call\.(body|stream)\b")
    without = [route for _, route in ROUTES if route.body is None and not route.raw]
    assert not [route.path for route in without if reads.search(inspect.getsource(route.handler))]


def bounded(schema: Mapping[str, Any]) -> bool:
    if schema.get("type") == "array":
        return isinstance(schema.get("maxItems"), int) and isinstance(schema.get("items"), Mapping)
    more = schema.get("additionalProperties", True)
    return schema.get("type") == "object" and (more is False or (isinstance(more, Mapping) and "type" in more))


def test_a_reading_route_has_no_body() -> None:
    reading = ("GET", "HEAD", "DELETE")
    assert not failing(lambda route: route.method not in reading or (route.body is None and not route.raw))


# Actions ----------------------------------------------------------------------------------------------------------


def test_a_path_of_actions_has_nothing_else_and_each_action_takes_only_its_own_key() -> None:
    by_place: dict[tuple[str, str, str], list[Route]] = defaultdict(list)
    for service, route in ROUTES:
        by_place[service, route.method, route.path].append(route)
    for place, routes in by_place.items():
        actions = [route.action for route in routes if route.action]
        assert not actions or len(actions) == len(routes), place
        for route in routes if actions else ():
            assert route.body is not None, (place, route.action)
            assert set(route.body["properties"]) == {route.action} == set(route.body["required"]), (place, route.action)


# Rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_every_rule_named_in_the_code_is_registered(service: str) -> None:
    """S-063: an unknown name denies at run time; it should not get that far."""
    shape = re.compile(LOOKS[service])
    for file in sorted((API / service).rglob("*.py")):
        for text in literals(file):
            if shape.fullmatch(text) and ("." not in text):
                assert text in REGISTERED[service] or known_prefix(text, service), f"{file.name}: {text}"


def known_prefix(text: str, service: str) -> bool:
    """The beginning of names that the code completes: ``os_compute_api:os-quota-sets:``."""
    return text.endswith(":") and any(name.startswith(text) for name in REGISTERED[service])


def literals(file: Path) -> Iterator[str]:
    """Strings that are arguments, the beginnings of f-strings included; not keys, docstrings or messages."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                first = argument.values[0] if isinstance(argument, ast.JoinedStr) and argument.values else argument
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


@pytest.mark.parametrize("service", SERVICES)
def test_every_rule_that_the_code_makes_is_registered(service: str) -> None:
    """A Rule in a module that neither a route nor the list of extra rules has would deny for ever."""
    package = importlib.import_module(f"iaas.api.{service}")
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"iaas.api.{service}.{info.name}")
        for value in vars(module).values():
            for rule in value if isinstance(value, tuple) else (value,):
                assert not isinstance(rule, Rule) or rule.name in REGISTERED[service], f"{info.name}: {rule}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_default_refers_to_rules_that_exist(service: str) -> None:
    for rule in (*BASE, *rules_of(service)):
        for name in re.findall(r"rule:([\w:-]+)", rule.check):
            assert name in REGISTERED[service], rule


def test_a_rule_that_is_not_registered_denies_even_the_administrator() -> None:
    from iaas.context import Context

    admin = Context(request_id="", user_id="a", project_id="p", roles=("admin",), is_admin=True)
    policy = Policy(rules_of("compute"))
    assert policy.allows("os_compute_api:servers:create", admin)
    assert not policy.allows("os_compute_api:servers:creat", admin)


# Test cases -------------------------------------------------------------------------------------------------------


def test_every_route_is_reached_by_a_test_case_of_tests_api() -> None:
    """exercised_routes.txt is written by the tests themselves: tools/regenerate.py --exercised."""
    listed = {once(line) for line in LIST.read_text().splitlines()}
    there = {once(name_of(service, route)) for service, route in ROUTES}
    assert not sorted(there - listed), "write a test case for these, then run tools/regenerate.py --exercised"
    assert not sorted(listed - there), "these are gone: run tools/regenerate.py --exercised"


def once(name: str) -> str:
    """The volume API has every route under two roots, made from one: a case of either is a case of the route."""
    return re.sub(r"^(volume \S+ /v3)/<project_id>(/.+)", r"\1\2", name)


def test_both_roots_of_the_volume_api_have_the_same_routes_under_the_same_rules() -> None:
    found: dict[str, list[Any]] = defaultdict(list)
    for service, route in ROUTES:
        if service == "volume" and not route.public:
            found[once(name_of(service, route))].append(
                (route.policy, route.body, route.since, route.until, route.status)
            )
    assert [name for name, roots in found.items() if len(roots) != 2 or roots[0] != roots[1]] == []
