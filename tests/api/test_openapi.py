"""Every API describes itself, and holds against requests made from its description. S-110, S-113, S-122."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.schemas import OpenApiSchema

from iaas.api.route import collect
from iaas.api.rulebook import SERVICES
from iaas.db.engine import Database
from tests.api.matrix import KNOWN, Matrix, make_matrix
from tests.conftest import create_all

EXAMPLES = int(os.environ.get("IAAS_FUZZ", "3"))  # of each operation; IAAS_FUZZ=300 makes S-122's 50,000 cases and more
NEWEST = {"compute": "compute 2.85", "volume": "volume 3.12"}
PLAINLY = {501, 503}  # "not offered", and "the broker is away": there is none here
FUZZED = settings(
    max_examples=EXAMPLES, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    directory = tmp_path_factory.mktemp("openapi")
    database = Database(f"sqlite:///{directory}/iaas.sqlite")
    create_all(database)
    yield make_matrix(database, directory)
    database.close()


def described(matrix: Matrix, service: str) -> OpenApiSchema:
    return schemathesis.openapi.from_wsgi("/openapi.json", matrix.clients[service].application)


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_described_for_everybody(matrix: Matrix, service: str) -> None:
    answer = matrix.clients[service].get("/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    document = answer.json
    assert document is not None and document["openapi"].startswith("3.1")
    routes = collect(f"iaas.api.{service}")
    listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert listed == {(route.method, route.path.replace("<", "{").replace(">", "}")) for route in routes}
    rules = {rule for methods in document["paths"].values() for each in methods.values() for rule in each["x-policy"]}
    assert rules <= {route.policy.name for route in routes if route.policy}


@pytest.mark.parametrize("service", SERVICES)
def test_no_request_made_from_the_description_breaks_anything(matrix: Matrix, service: str) -> None:
    """S-122: as the administrator, so that the handlers are reached; every refusal has the API's shape."""
    seen: Counter[int] = Counter()
    headers = {"X-Auth-Token": "admin", "Accept": "application/json", "OpenStack-API-Version": NEWEST.get(service, "")}

    def check(case: Any) -> None:
        case.path_parameters = {**case.path_parameters, **{k: v for k, v in KNOWN.items() if k in case.path_parameters}}
        answer = case.call(headers=headers)
        seen[answer.status_code] += 1
        what = f"{case.method} {case.formatted_path} {case.body!r}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500 or answer.status_code in PLAINLY, what
        if answer.status_code >= 400 and case.method != "HEAD":
            assert isinstance(answer.json(), dict), what

    for operation in described(matrix, service).get_all_operations():
        FUZZED(given(case=operation.ok().as_strategy())(check))()
    assert sum(count for status, count in seen.items() if status < 300) > 0
    assert 406 not in seen, "the microversion was refused, and nothing was tried"
