"""A-106: what is a project was once a tenant. Clients that still say so get what they look for, in every service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.matrix import BLUE, MEMBER, RED
from tests.api.test_isolation import Furnished, furnished
from tests.api.test_policy_matrix import CELLS

__all__ = ["furnished"]  # the fixture
NETWORK = ("networks", "subnets", "ports", "routers", "security-groups", "security-group-rules")
SHOWN = (
    *(("network", "/v2.0", plural, "tenant_id") for plural in NETWORK),
    *(("network", "/v2.0", plural, "project_id") for plural in NETWORK),
    ("compute", "/v2.1", "servers", "tenant_id"),
    ("volume", "/v3", "volumes", "os-vol-tenant-attr:tenant_id"),
    ("volume", f"/v3/{RED}", "volumes", "os-vol-tenant-attr:tenant_id"),
    ("volume", "/v3", "snapshots", "os-extended-snapshot-attributes:project_id"),
    ("image", "/v2", "images", "owner"),
)  # fmt: skip


def get(furnished: Furnished, service: str, path: str, who: str = "member") -> Any:
    answer = furnished.ask(service, who, "GET", path)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json


@pytest.mark.parametrize(("service", "root", "plural", "field"), SHOWN)
def test_an_answer_says_whose_it_is_in_the_published_word(
    furnished: Furnished, service: str, root: str, plural: str, field: str
) -> None:
    shown = get(furnished, service, f"{root}/{plural}/{furnished.red[service, plural]}")
    assert (shown if service == "image" else next(iter(shown.values())))[field] == RED


@pytest.mark.parametrize("plural", NETWORK)
def test_networks_are_found_and_cut_down_by_tenant(furnished: Furnished, plural: str) -> None:
    key = plural.replace("-", "_")
    found = get(furnished, "network", f"/v2.0/{plural}?tenant_id={RED}&fields=tenant_id&fields=id", "admin")[key]
    assert {item["tenant_id"] for item in found} == {RED}
    assert furnished.red["network", plural] in {item["id"] for item in found}
    assert all(set(item) == {"id", "tenant_id"} for item in found)


def test_an_administrator_makes_a_network_for_a_tenant(furnished: Furnished) -> None:
    def make(**whose: str) -> Any:
        return furnished.ask("network", "admin", "POST", "/v2.0/networks", {"network": {"name": "for", **whose}})

    made = make(tenant_id=BLUE)
    assert (made.status_code, made.json["network"]["project_id"]) == (201, BLUE)
    assert make(tenant_id=BLUE, project_id=BLUE).status_code == 201
    assert make(tenant_id=BLUE, project_id=RED).status_code == 400


def test_servers_and_limits_are_found_by_tenant(furnished: Furnished) -> None:
    server = furnished.red["compute", "servers"]
    found = get(furnished, "compute", f"/v2.1/servers?all_tenants=1&tenant_id={RED}", "admin")["servers"]
    assert [item["id"] for item in found] == [server]
    used = get(furnished, "compute", f"/v2.1/limits?tenant_id={RED}", "admin")["limits"]["absolute"]
    assert used["totalInstancesUsed"] == 1


def test_an_ec2_credential_is_made_for_a_tenant(furnished: Furnished) -> None:
    path = f"/v3/users/{MEMBER}/credentials/OS-EC2"
    made = furnished.ask("identity", "admin", "POST", path, {"tenant_id": RED})
    assert (made.status_code, made.json["credential"]["tenant_id"]) == (201, RED)


# /v2.1/{tenant_id}/… --------------------------------------------------------------------------------------------------


def test_the_compute_api_is_also_below_the_callers_own_project(furnished: Furnished) -> None:
    server = furnished.red["compute", "servers"]
    for path in (f"/servers/{server}", "/servers/detail", "/flavors?limit=1", "/limits"):
        assert (
            get(furnished, "compute", f"/v2.1/{RED}{path}").keys() == get(furnished, "compute", f"/v2.1{path}").keys()
        )
    assert get(furnished, "compute", f"/v2.1/{RED}/servers/{server}")["server"]["id"] == server


@pytest.mark.parametrize("who", ["member", "admin", "sysadmin"])
def test_below_another_project_nothing_is_done_not_even_for_administrators(furnished: Furnished, who: str) -> None:
    """S-035"""
    before = furnished.state()
    for method in ("GET", "DELETE"):
        answer = furnished.ask("compute", who, method, f"/v2.1/{BLUE}/servers/{furnished.blue['compute', 'servers']}")
        assert (answer.status_code, "Malformed request URL" in answer.text) == (400, True)
    assert furnished.state() == before


ELSEWHERE = (
    f"/v2.1/{RED}", f"/v2.1/{RED}/", f"/v2.1/{RED}/{RED}/servers", f"/v2.1/{RED}//servers", "/v2.1/red/servers",
    f"/v2.1/servers/{RED}/servers",
)  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_there_is_nothing_at_other_paths_with_a_project(furnished: Furnished, path: str) -> None:
    assert furnished.ask("compute", "member", "GET", path).status_code == 404


@pytest.mark.parametrize("who", ["nobody", "reader", "member"])
def test_a_project_in_the_path_opens_no_route(furnished: Furnished, who: str) -> None:
    """S-064: every route of compute is decided as without it."""
    matrix, wrong = furnished.matrix, []
    for cell in (cell for cell in CELLS if cell.service == "compute"):
        with_project = cell.path.replace("/v2.1", f"/v2.1/{RED}", 1)
        found = matrix.ask(cell, who, with_project), matrix.ask(cell, who)
        wrong += [(cell.name, found)] if found[0] != found[1] else []
    assert not wrong
