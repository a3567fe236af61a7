"""Identity's own SQL on PostgreSQL: recursion over projects and roles, filters, old passwords (A-090, S-114, S-115)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from werkzeug.test import Client

from iaas.clock import ManualClock
from iaas.config.sections import SecurityCompliance
from iaas.db import migrate
from iaas.db.engine import Database
from tests.api.identity.test_lists import NAMES, WANTED
from tests.api.identity.test_password_rules import change, log_in
from tests.api.identity.world import PASSWORD, Case, World
from tests.integration.postgresql import Postgres
from tests.unit.identity.test_roles_against_a_model import Cloud, Site, check, clouds


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.create(f"identity_{uuid4().hex}"))
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture(scope="module")
def world(database: Database, tmp_path_factory: pytest.TempPathFactory) -> World:
    rules = SecurityCompliance(unique_last_password_count=3)
    return World(database, ManualClock(), tmp_path_factory.mktemp("world"), rules)


def test_lists_and_passwords_are_the_same_on_postgresql(world: World) -> None:
    world.ids["d"] = world.make("domain", name="d")
    for name in NAMES:
        world.make("user", name=name, domain_id=world.ids["d"])
    for query, found in WANTED:
        seen = world.run(Case("admin", "GET", f"/users?domain_id={{d}}&{query}", 200)).json
        assert sorted(user["name"] for user in seen["users"]) == sorted(found), query  # type: ignore[index]
    for case in (
        Case("admin", "PUT", "/projects/{ours}/tags", 200, {"tags": ["b", 'q"', "%"]}),
        Case("admin", "GET", '/projects?tags=b,q"', 200, has=(("projects.#", 1),)),
        Case("admin", "GET", "/projects?tags=B", 200, has=(("projects.#", 0),)),
        Case("admin", "GET", "/projects?not-tags-any=b&name=ours", 200, has=(("projects.#", 0),)),
        Case("admin", "GET", "/projects/{ours}?parents_as_ids&subtree_as_list", 200),
        Case("admin", "POST", "/roles", 409, {"role": {"name": "member"}}),
        Case("admin", "GET", "/users?password_expires_at=lt:2030-01-01T00:00:00Z", 200, has=(("users", []),)),
    ):
        world.run(case)
    for old, new, status in ((PASSWORD, "two", 204), ("two", PASSWORD, 400), ("two", "three", 204),
                             ("three", "two", 400), ("three", PASSWORD, 204)):  # fmt: skip
        change(world, "member", old, new, status)
    log_in(world, "member", PASSWORD, 201)


def test_changes_at_the_same_time_lose_nothing_and_leave_nothing(world: World) -> None:
    """S-107: tags that race for one project are all there; a grant that races with a deletion is not left behind."""

    def put(path: str) -> int:
        token = {"X-Auth-Token": str(world.tokens["admin"])}
        method = "DELETE" if path.endswith("!") else "PUT"
        return Client(world.app).open(f"/v3{path.rstrip('!')}", method=method, headers=token).status_code

    racing, doomed = world.make("project", name="racing"), [world.make("project", name=f"d{n}") for n in range(6)]
    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(put, [f"/projects/{racing}/tags/{number}" for number in range(12)])) == {201}
        role, user = world.ids["role_reader"], world.ids["stranger"]
        grants = [f"/projects/{id}/users/{user}/roles/{role}" for id in doomed]
        both = [path for pair in zip(grants, [f"/projects/{id}!" for id in doomed], strict=True) for path in pair]
        assert set(pool.map(put, both)) <= {204, 404}
    world.run(Case("admin", "GET", f"/projects/{racing}", 200, has=(("project.tags.#", 12),)))
    rest = repr(world.state()["identity_assignments"])
    assert not [id for id in doomed if id in rest]


@settings(max_examples=15, derandomize=True, deadline=None, database=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(cloud=clouds())
def test_roles_agree_with_the_model_on_postgresql(database: Database, tmp_path: Path, cloud: Cloud) -> None:
    check(Site(database, tmp_path / "keys"), cloud)
