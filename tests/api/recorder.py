"""A pytest plug-in that writes down which routes the tests of this folder reach: exercised_routes.txt.

    .venv/bin/python tools/regenerate.py --exercised

A route counts when its handler is about to be called: token, policy and body were right. The policy matrix, which
asks every route, is left out; tests/architecture/test_routes.py compares the list with the route tables. A run of a
part of the folder adds to the list.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from iaas.api import app
from iaas.api.route import Route

LIST = Path(__file__).with_name("exercised_routes.txt")
WHOLE = "tests/api"
LEFT_OUT = "test_policy_matrix"
_reached: set[str] = set()


def name_of(service: str, route: Route) -> str:
    """One line of the list."""
    return f"{service} {route.method} {route.path} {route.action or ''}".strip()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if LEFT_OUT not in item.nodeid]


def pytest_sessionstart(session: pytest.Session) -> None:
    call = app._Front._call

    def recorded(self: Any, request: Any, route: Route, *rest: Any) -> Any:
        _reached.add(name_of(self.dialect.name, route))
        return call(self, request, route, *rest)

    app._Front._call = recorded  # type: ignore[method-assign, assignment]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        known = set() if session.config.args == [WHOLE] else set(LIST.read_text().splitlines())
        LIST.write_text("\n".join(sorted(known | _reached)) + "\n")
