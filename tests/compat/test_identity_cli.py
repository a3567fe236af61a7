"""The stock openstack command against the identity API, its tables included. Each start of it costs seconds."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.cloud import PASSWORD, Cloud


@pytest.fixture(scope="module")
def project(cloud: Cloud) -> dict[str, Any]:
    made: dict[str, Any] = cloud.cli("project", "create", "--description", "for tests", "demo")
    return made


def test_token_issue_prints_a_token_of_the_project(cloud: Cloud) -> None:
    token = cloud.cli("token", "issue")
    assert set(token) == {"id", "expires", "project_id", "user_id"}
    assert cloud.identity.authenticate(token["id"]).project_name == "admin"


def test_catalog_list_shows_the_endpoints(cloud: Cloud) -> None:
    catalog = cloud.cli("catalog", "list")
    identity = next(entry for entry in catalog if entry["Type"] == "identity")
    assert identity["Name"] == "keystone"
    assert {(e["interface"], e["url"]) for e in identity["Endpoints"]} == {
        (interface, f"{cloud.url}/v3") for interface in ("public", "internal", "admin")
    }


def test_a_project_is_created_shown_changed_and_deleted(cloud: Cloud, project: dict[str, Any]) -> None:
    assert project["enabled"] is True
    assert project["description"] == "for tests"
    cloud.cli("project", "set", "--description", "changed", "demo", form="")
    made, shown, listed = cloud.cli_many("project create short-lived", "project show demo", "project list")
    assert (shown["id"], shown["description"], shown["domain_id"]) == (project["id"], "changed", "default")
    assert {"demo", "admin", "service", "short-lived"} <= {row["Name"] for row in listed}
    cloud.cli("project", "delete", "short-lived", form="")
    assert made["id"] not in {item.id for item in cloud.services.projects.page({})}


def test_the_output_is_the_usual_table(cloud: Cloud) -> None:
    lines = cloud.cli("role", "list", form="table").splitlines()
    assert lines[1].split() == ["|", "ID", "|", "Name", "|"]
    assert {line.split("|")[2].strip() for line in lines[3:-1]} >= {"admin", "manager", "member", "reader", "service"}


def test_a_user_gets_a_role_and_works_with_it(cloud: Cloud, project: dict[str, Any]) -> None:
    """A-090: no token for the project without a role on it; with one, the user sees its own projects."""
    user = cloud.cli("user", "create", "--password", PASSWORD, "--email", "d@example.org", "demo-user")
    assert user["email"] == "d@example.org"
    as_demo = {"OS_USERNAME": "demo-user", "OS_PROJECT_NAME": "demo"}
    with pytest.raises(AssertionError, match="HTTP 401"):
        cloud.cli("token", "issue", **as_demo)
    cloud.cli("role", "add", "--user", "demo-user", "--project", "demo", "member", form="")
    token, projects = cloud.cli_many("token issue", "project list", **as_demo)
    assert token["project_id"] == project["id"]
    assert [row["Name"] for row in projects] == ["demo"]
    rows, shown = cloud.cli_many("role assignment list --names --user demo-user --project demo", "user show demo-user")
    assert [(row["Role"], row["User"], row["Project"]) for row in rows] == [
        ("member", "demo-user@Default", "demo@Default")
    ]
    assert shown["id"] == user["id"]
    with pytest.raises(AssertionError, match="not authorized"):
        cloud.cli("user", "list", **as_demo)


def test_every_list_of_the_cli_works(cloud: Cloud) -> None:
    lists: dict[str, tuple[str, set[str]]] = {
        "service list": ("Type", {"identity"}),
        "endpoint list": ("Interface", {"public", "internal", "admin"}),
        "domain list": ("Name", {"Default"}),
        "group list": ("Name", set()),
        "user list": ("Name", {"admin", "iaas"}),
        "region list": ("Region", {"RegionOne"}),
        "implied role list": ("Prior Role Name", {"admin", "manager", "member"}),
        "role assignment list --names": ("Role", {"admin", "service"}),
    }
    for rows, (column, expected) in zip(cloud.cli_many(*lists), lists.values(), strict=True):
        assert expected <= {row[column] for row in rows}


def test_every_other_noun_is_created_and_shown(cloud: Cloud) -> None:
    domain, group, role, service, endpoint, shown = cloud.cli_many(
        "domain create --description sea crew",
        "group create --domain crew sailors",
        "role create cook",
        "service create --name galley kitchen",
        "endpoint create --region RegionOne galley public http://galley/",
        "service show kitchen",
    )
    assert (domain["name"], group["domain_id"], role["name"]) == ("crew", domain["id"], "cook")
    assert (service["type"], endpoint["url"], shown["id"]) == ("kitchen", "http://galley/", service["id"])
