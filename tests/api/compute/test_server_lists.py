"""Lists of servers: filters, pages, sorting, and who sees what."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from tests.api.compute.world import World

SERVERS = "/v2.1/servers"


@pytest.fixture
def three(world: World, clock: ManualClock) -> dict[str, str]:
    """Three of alice's servers, a second apart, the second one active; one of bob's."""
    world.host()
    world.network()
    ids = {}
    for name in ("one", "two", "three"):
        ids[name] = world.server(name=name)
        clock.advance(1)
    ids["bobs"] = world.server("bob", "one")
    world.active(ids["two"])
    return ids


def names(world: World, query: str, who: str = "alice", version: str | None = None) -> list[str]:
    return [server["name"] for server in world.ok(who, "GET", f"{SERVERS}/detail?{query}", version=version)["servers"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["three", "two", "one"]),
        ("sort_key=display_name&sort_dir=asc", ["one", "three", "two"]),
        ("sort_key=launched_at&sort_dir=desc&limit=1", ["two"]),
        ("name=t", ["three", "two"]),
        ("name=^t", ["three", "two"]),
        ("name=o$", ["two"]),
        ("name=^two$", ["two"]),
        ("name=%25", []),
        ("name=.*", []),
        ("name=(a%2B)%2B$", []),
        ("name=' OR 1=1 --", []),
        ("status=ACTIVE", ["two"]),
        ("status=BUILD", ["three", "one"]),
        ("status=NONSENSE", []),
        ("status=ACTIVE&status=BUILD", ["three", "two", "one"]),
        ("flavor=1", ["three", "two", "one"]),
        ("flavor=2", []),
        ("ip=10.0.0.", ["three", "two", "one"]),
        ("ip=10.9", []),
        ("host=nowhere", ["three", "two", "one"]),
        ("all_tenants=0", ["three", "two", "one"]),
        ("project_id=blue", ["three", "two", "one"]),
        ("tenant_id=blue", ["three", "two", "one"]),
        ("deleted=true", ["three", "two", "one"]),
        ("user_id=someone", ["three", "two", "one"]),
        ("limit=2", ["three", "two"]),
        ("limit=0", []),
    ],
)
def test_a_member_sees_its_own_filtered(world: World, three: dict[str, str], query: str, expected: list[str]) -> None:
    """S-055, S-114, S-115: administrators' filters are ignored, patterns are literal."""
    assert names(world, query) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("all_tenants=1&sort_key=created_at&sort_dir=asc", ["one", "two", "three", "one"]),
        ("all_tenants&project_id=blue", ["one"]),
        ("all_tenants=True&host=host1", ["two"]),
        ("all_tenants=1&node=host1.local", ["two"]),
        ("all_tenants=1&vm_state=active", ["two"]),
        ("all_tenants=1&power_state=1", ["two"]),
        ("all_tenants=1&task_state=scheduling&name=e$&sort_key=display_name", ["one", "one", "three"]),
        ("all_tenants=1&deleted=true", []),
        ("", []),
    ],
)
def test_an_administrator_filters_by_everything(
    world: World, three: dict[str, str], query: str, expected: list[str]
) -> None:
    assert names(world, query, "admin") == expected


@pytest.mark.parametrize(
    ("query", "version", "status"),
    [
        ("all_tenants=1", None, 403),
        ("limit=-1", None, 400),
        ("limit=x", None, 400),
        ("sort_key=key_data", None, 400),
        ("sort_key=host", None, 403),
        ("sort_dir=up&sort_key=uuid", None, 400),
        ("marker=00000000-0000-4000-8000-00000000dead", None, 400),
        ("status=NONSENSE", "2.38", 400),
        ("status=DELETED", None, 403),
        ("strange=1", "2.75", 400),
        ("changes-since=yesterday", None, 400),
        ("ip=10.0.0.0/8", None, 400),
    ],
)
def test_a_bad_question_is_refused(
    world: World, three: dict[str, str], query: str, version: str | None, status: int
) -> None:
    """S-113."""
    world.refused(status, "alice", "GET", f"{SERVERS}?{query}", version=version)


def test_pages_follow_each_other_without_gap_or_repetition(world: World, three: dict[str, str]) -> None:
    for sort in ("", "&sort_key=display_name&sort_dir=desc", "&sort_key=launched_at&sort_dir=asc", "&sort_key=host"):
        who = "admin" if "host" in sort else "alice"
        every = "&all_tenants=1" if who == "admin" else ""
        path: str | None = f"{SERVERS}?limit=1{sort}{every}"
        seen = []
        while path:
            page = world.ok(who, "GET", path)
            seen += [server["id"] for server in page["servers"]]
            path = (
                page["servers_links"][0]["href"].removeprefix("http://localhost") if "servers_links" in page else None
            )
        assert sorted(seen) == sorted(three.values() if every else set(three.values()) - {three["bobs"]}), sort


def test_a_foreign_marker_is_no_oracle(world: World, three: dict[str, str]) -> None:
    world.refused(400, "alice", "GET", f"{SERVERS}?marker={three['bobs']}")


def test_tags_filter_lists(world: World, three: dict[str, str]) -> None:
    for name, tags in (("one", ["a", "b"]), ("two", ["b"])):
        world.ok("alice", "PUT", f"{SERVERS}/{three[name]}/tags", {"tags": tags}, "2.26")
    for query, expected in (
        ("tags=a,b", ["one"]), ("tags-any=a,b", ["two", "one"]), ("not-tags=a,b", ["three", "two"]),
        ("not-tags-any=a,b", ["three"]),
    ):  # fmt: skip
        assert names(world, query, version="2.26") == expected
    assert names(world, "tags=a") == ["three", "two", "one"]  # not yet known to 2.1


def test_a_list_costs_the_same_number_of_queries_however_long(world: World, three: dict[str, str]) -> None:
    from sqlalchemy import event

    statements: list[str] = []
    event.listen(world.database.engine, "before_cursor_execute", lambda c, cur, sql, *rest: statements.append(sql))
    counts = []
    for limit in (2, 3):
        statements.clear()
        world.ok("alice", "GET", f"{SERVERS}/detail?limit={limit}", version="2.79")
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 8
