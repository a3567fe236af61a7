"""GET / and /v3 with Accept: application/json-home."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.api.identity.world import ROUTES, World

REL = "https://docs.openstack.org/api/openstack-identity/3"
PUBLISHED = {
    "/rel/auth_tokens": "/auth/tokens",
    "/rel/policies": "/policies",
    "/rel/policy": "/policies/{}",
    "/rel/group_user": "/groups/{}/users/{}",
    "/rel/domain_group_role": "/domains/{}/groups/{}/roles/{}",
    "/rel/project_user_roles": "/projects/{}/users/{}/roles",
    "/rel/project_tag": "/projects/{}/tags/{}",
    "/rel/system_user_role": "/system/users/{}/roles/{}",
    "/rel/role_assignments": "/role_assignments",
    "/rel/implied_role": "/roles/{}/implies/{}",
    "/rel/user_change_password": "/users/{}/password",
    "/rel/application_credential": "/users/{}/application_credentials/{}",
    "/rel/limit_model": "/limits/model",
    "/ext/OS-EC2/1.0/rel/user_credential": "/users/{}/credentials/OS-EC2/{}",
    "/ext/OS-EC2/1.0/rel/ec2tokens": "/ec2tokens",
    "/ext/OS-PKI/1.0/rel/revocations": "/auth/tokens/OS-PKI/revoked",
    "/ext/OS-REVOKE/1.0/rel/events": "/OS-REVOKE/events",
    "/ext/OS-TRUST/1.0/rel/trust_role": "/OS-TRUST/trusts/{}/roles/{}",
    "/ext/OS-INHERIT/1.0/rel/domain_user_roles_inherited_to_projects":
        "/OS-INHERIT/domains/{}/users/{}/roles/inherited_to_projects",
    "/ext/OS-INHERIT/1.0/rel/project_group_role_inherited_to_projects":
        "/OS-INHERIT/projects/{}/groups/{}/roles/{}/inherited_to_projects",
    "/ext/OS-EP-FILTER/1.0/rel/project_endpoint": "/OS-EP-FILTER/projects/{}/endpoints/{}",
    "/ext/OS-EP-FILTER/1.0/rel/endpoint_group_to_project_association": "/OS-EP-FILTER/endpoint_groups/{}/projects/{}",
    "/ext/OS-ENDPOINT-POLICY/1.0/rel/endpoint_policy": "/endpoints/{}/OS-ENDPOINT-POLICY/policy",
    "/ext/OS-ENDPOINT-POLICY/1.0/rel/region_and_service_policy_association":
        "/policies/{}/OS-ENDPOINT-POLICY/services/{}/regions/{}",
}  # fmt: skip


def home(world: World, path: str = "/v3") -> dict[str, Any]:
    answer = world.http.get(path, headers={"Accept": "application/json-home"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json-home")
    found: dict[str, Any] = json.loads(answer.text)["resources"]
    return found


def bare(path: str) -> str:
    return re.sub(r"[<{]\w+[>}]", "{}", path)


def test_every_path_has_a_relation_of_its_own(world: World) -> None:
    found = [bare(item.get("href") or item["href-template"]) for item in home(world).values()]
    served = {bare(route.path).removeprefix("/v3") for route in ROUTES if route.path.startswith("/v3/")}
    assert sorted(found) == sorted(served)


def test_relations_are_the_published_ones(world: World) -> None:
    resources = home(world)
    for relation, path in PUBLISHED.items():
        item = resources[REL + relation]
        assert bare(item.get("href") or item["href-template"]) == path
    template = resources[f"{REL}/ext/OS-TRUST/1.0/rel/trust_role"]
    assert template["href-vars"] == {
        "trust_id": f"{REL}/ext/OS-TRUST/1.0/param/trust_id",
        "role_id": f"{REL}/param/role_id",
    }


def test_the_root_answers_it_with_whole_paths(world: World) -> None:
    assert home(world, "/")[f"{REL}/rel/users"] == {"href": "/v3/users"}
    assert home(world, "/v3")[f"{REL}/rel/users"] == {"href": "/users"}


OTHERS = ("", "*/*", "application/json", "application/json-home;q=0.5, application/json", "text/html", "no/\u00e9;q=x")


@pytest.mark.parametrize("accept", OTHERS)
def test_who_does_not_ask_for_it_gets_the_version(world: World, accept: str) -> None:
    answer = world.http.get("/v3", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["version"]["id"] == "v3.14"  # type: ignore[index]
