"""Property protections over the API: a property that one may not read is not there, and nothing goes around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iaas.api import app, route
from iaas.api.image import access, protected
from iaas.api.image.dialect import DIALECT
from iaas.api.policy import BASE, Policy
from iaas.api.route import Rule
from iaas.image.protections import parse
from iaas.image.services import ImageServices
from tests.api.image.conftest import As, who

ROLES = """
[^x_secret_.*]
create = admin
read = admin
update = admin
delete = admin
[^x_fixed_.*]
create = @
read = @
update = !
delete = !
[.*]
create = @
read = @
update = @
delete = @
"""
POLICIES = """
[^x_billing_.*]
create = billing
read = get_images
update = billing
delete = billing
[^x_lost_.*]
create = forgotten
"""


def served(services: ImageServices, text: str, kind: str, *rules: Rule) -> Callable[[str], As]:
    guarded = replace(services, protections=parse(text, kind))
    routes = route.collect("iaas.api.image")
    known = {rule.name for rule in (*BASE, *access.EXTRA_RULES, *rules)}
    known |= {item.policy.name for item in routes if item.policy}
    policy = Policy.of_routes(routes, (*access.EXTRA_RULES, *rules, *protected.rules(guarded.protections, known)))
    wsgi = app.make_app(DIALECT, routes, guarded, policy, who)
    return lambda name: As(wsgi.test_client(), name)


@pytest.fixture
def guarded(services: ImageServices) -> Callable[[str], As]:
    return served(services, ROLES, "roles")


def test_what_may_not_be_read_is_not_shown_listed_or_found(guarded: Callable[[str], As]) -> None:
    root, alice = guarded("root"), guarded("alice")
    made = root.create(x_secret_code="7", colour="red", owner="alpha")
    assert made["x_secret_code"] == "7"
    assert "x_secret_code" not in alice.get(made["self"]).json
    listed = alice.get("/v2/images").json["images"]
    assert [(item["colour"], "x_secret_code" in item) for item in listed] == [("red", False)]
    assert alice.get("/v2/images?x_secret_code=7").json["images"] == []
    assert len(root.get("/v2/images?x_secret_code=7&visibility=all").json["images"]) == 1


def test_what_may_not_be_written_is_403_and_nothing_of_the_request_is_done(guarded: Callable[[str], As]) -> None:
    root, alice = guarded("root"), guarded("alice")
    assert alice.post("/v2/images", {"x_secret_code": "7"}).status_code == 403
    made = root.create(x_secret_code="7", x_fixed_one="1", owner="alpha")
    changes: list[tuple[dict[str, Any], int]] = [
        ({"op": "add", "path": "/x_secret_code", "value": "8"}, 403),
        ({"op": "add", "path": "/x_secret_other", "value": "8"}, 403),
        ({"op": "replace", "path": "/x_secret_code", "value": "8"}, 409),
        ({"op": "remove", "path": "/x_secret_code"}, 409),
        ({"op": "replace", "path": "/x_fixed_one", "value": "2"}, 403),
        ({"op": "remove", "path": "/x_fixed_one"}, 403),
    ]
    for change, status in changes:
        answer = alice.patch(made["self"], {"op": "add", "path": "/taste", "value": "sweet"}, change)
        assert answer.status_code == status, (change, answer.text)
    assert root.get(made["self"]).json == made


def test_a_patch_of_something_else_keeps_what_its_caller_can_not_see(guarded: Callable[[str], As]) -> None:
    root, alice = guarded("root"), guarded("alice")
    made = root.create(x_secret_code="7", owner="alpha")
    answer = alice.patch(made["self"], {"op": "add", "path": "/taste", "value": "sweet"})
    assert (answer.status_code, answer.json["taste"], "x_secret_code" in answer.json) == (200, "sweet", False)
    assert root.get(made["self"]).json["x_secret_code"] == "7"
    assert root.patch(made["self"], {"op": "remove", "path": "/x_secret_code"}).status_code == 200


def test_rules_of_the_policy_files_decide_and_one_that_nobody_defined_denies(services: ImageServices) -> None:
    guarded = served(services, POLICIES, "policies", Rule("billing", "role:admin"))
    root, alice = guarded("root"), guarded("alice")
    made = root.create(x_billing_code="7", owner="alpha")
    assert alice.get(made["self"]).json["x_billing_code"] == "7"
    assert alice.patch(made["self"], {"op": "replace", "path": "/x_billing_code", "value": "8"}).status_code == 403
    assert root.patch(made["self"], {"op": "replace", "path": "/x_billing_code", "value": "8"}).status_code == 200
    assert root.post("/v2/images", {"x_lost_one": "1"}).status_code == 403
    assert root.post("/v2/images", {"unmatched": "1"}).status_code == 403
