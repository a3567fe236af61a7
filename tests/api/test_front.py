"""What every route of every API withstands, asked of the live route tables. S-109, S-110, S-113, S-116, S-124."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from iaas.api.rulebook import SERVICES
from iaas.db.engine import Database
from tests.api.matrix import Cell, Matrix, make_matrix
from tests.conftest import create_all
from tests.unit.api.test_bodies import HOSTILE

CAP = 114688
SMALL = {name: body for name, body in HOSTILE.items() if len(body) < 2000}
LIMITS = ("0", "-1", "1000000000", "99999999999999999999", "1.5", "abc", "", "1; DROP TABLE images")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    directory = tmp_path_factory.mktemp("front")
    database = Database(f"sqlite:///{directory}/iaas.sqlite")
    create_all(database)
    yield make_matrix(database, directory)
    database.close()


ONLY_ONESELF = {"identity:change_password", "identity:create_application_credential"}


def send(matrix: Matrix, cell: Cell, **more: Any) -> Any:
    rule = cell.route.policy.name if cell.route.policy else ""
    who = "member" if rule in ONLY_ONESELF else "admin"
    headers = {"X-Auth-Token": who, "Content-Type": "application/json"}
    if cell.route.since:
        headers["OpenStack-API-Version"] = f"{cell.service} {cell.route.since}"
    return matrix.clients[cell.service].open(cell.path, method=cell.route.method, headers=headers, **more)


def with_bodies(matrix: Matrix) -> list[Cell]:
    found = [cell for cell in matrix.cells if cell.route.body is not None]
    assert len(found) > 150
    return found


def test_a_body_over_the_cap_is_413_on_every_route(matrix: Matrix) -> None:
    """S-109"""
    body = b'{"' + b"x" * CAP + b'": 1}'
    assert {cell.name: send(matrix, cell, data=body).status_code for cell in with_bodies(matrix)} == {
        cell.name: 413 for cell in with_bodies(matrix)
    }


def test_hostile_json_is_400_on_every_route(matrix: Matrix) -> None:
    """S-110: one of the bodies a route, each body many times."""
    names = sorted(SMALL)
    for index, cell in enumerate(with_bodies(matrix)):
        for name in (names[index % len(names)], names[(index + 7) % len(names)]):
            answer = send(matrix, cell, data=SMALL[name])
            assert answer.status_code == 400, f"{cell.name} with {name}: {answer.status_code} {answer.text[:200]}"


def test_no_list_is_led_astray_by_limit_marker_or_sort(matrix: Matrix) -> None:
    """S-113: refused or without effect; never a defect, never a word of SQL. Four of the queries a route, in turn."""
    queries: list[dict[str, str]] = [
        *({"limit": limit} for limit in LIMITS), {"marker": "' OR 1=1 --"}, {"sort_key": "password_hash"},
        {"sort": "deleted_at:asc,x:y"}, {"sort_dir": "sideways"},
    ]  # fmt: skip
    lists = [cell for cell in matrix.cells if cell.route.method == "GET" and not cell.path.endswith("ff")]
    assert len(lists) > 60
    for index, cell in enumerate(lists):
        for query in queries[index % 3 :: 3]:
            answer = send(matrix, cell, query_string=query)
            what = f"{cell.name} {query}: {answer.status_code} {answer.text[:200]}"
            assert answer.status_code < 500 or answer.status_code in (501, 503), what
            assert "SELECT" not in answer.text and "sqlalchemy" not in answer.text, what


def resident_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_unknown_paths_leave_nothing_behind(matrix: Matrix) -> None:
    """S-116: thousands of them, and no memory goes."""
    client = matrix.clients["identity"]

    def ask(start: int, count: int) -> None:
        for number in range(start, start + count):
            assert client.get(f"/v3/nothing/{number:x}").status_code == 404

    ask(0, 500)
    before = resident_kib()
    ask(500, 4000)
    assert resident_kib() - before < 5 * 1024


@pytest.mark.parametrize("service", SERVICES)
def test_without_its_database_an_api_says_503_and_nothing_else(
    tmp_path: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-124: no path, no URL, no SQL, no class in a body; a request id in the header."""
    database = Database(f"sqlite:///{tmp_path}/there/iaas.sqlite")
    monkeypatch.setattr(database.engine.dialect, "connect", _refuse)
    matrix = make_matrix(database, tmp_path)
    asked = [cell for cell in matrix.cells if cell.service == service and cell.route.method == "GET"]
    statuses = set()
    for cell in asked:
        answer = send(matrix, cell)
        statuses.add(answer.status_code)
        assert answer.status_code < 500 or answer.status_code in (501, 503), f"{cell.name}: {answer.status_code}"
        assert answer.headers["X-OpenStack-Request-ID"].startswith("req-")
        for word in ("sqlite", "iaas.sqlite", "SELECT", "Traceback", "Error(", "/there", "sqlalchemy"):
            assert word not in answer.text, f"{cell.name}: {answer.text[:300]}"
    assert 503 in statuses


def _refuse(*_arguments: Any, **_options: Any) -> Any:
    import sqlite3

    raise sqlite3.OperationalError("unable to open database file /there/iaas.sqlite")


def test_the_database_that_is_away_here_is_really_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/iaas.sqlite")
    monkeypatch.setattr(database.engine.dialect, "connect", _refuse)
    with pytest.raises(sa.exc.OperationalError), database.engine.connect():
        pass
