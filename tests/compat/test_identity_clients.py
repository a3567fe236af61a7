"""Unmodified keystoneauth and openstacksdk against the identity API."""

from __future__ import annotations

from typing import Any

import pytest
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import session as ks
from keystoneauth1.identity import v3
from openstack import exceptions

from tests.compat.cloud import ADMIN, Cloud


def test_a_client_configured_only_with_the_identity_url_finds_the_others(cloud: Cloud) -> None:
    """A-108"""
    session = cloud.session()
    assert session.get_endpoint(service_type="identity", interface="public") == f"{cloud.url}/v3"
    data = session.get_endpoint_data(service_type="identity", interface="internal", region_name="RegionOne")
    assert data.api_version == (3, 14)


@pytest.mark.parametrize("service_type", ["block-storage", "volumev3"])
def test_block_storage_is_found_under_every_name_that_clients_use(cloud: Cloud, service_type: str) -> None:
    url = cloud.add("volumev3", lambda environ, start: start("404 Not Found", []) or [])
    assert cloud.access().service_catalog.url_for(service_type=service_type) == url


@pytest.mark.parametrize(
    "scope",
    [
        {"unscoped": True},
        {"domain_id": "default"},
        {"system_scope": "all"},
        {"project_name": "admin", "project_domain_id": "default"},
    ],
    ids=lambda scope: next(iter(scope)),
)
def test_a_token_of_every_scope_is_understood_by_keystoneauth(cloud: Cloud, scope: dict[str, Any]) -> None:
    roles = cloud.services.roles.page({"name": "admin"})
    admin = cloud.services.users.page({"name": "admin"})[0]
    sdk = cloud.sdk()
    sdk.identity.assign_domain_role_to_user("default", admin.id, roles[0].id)
    reference = cloud.access(**scope)
    assert reference.user_id == admin.id
    assert reference.project_scoped == ("project_name" in scope)
    assert reference.domain_scoped == ("domain_id" in scope)
    assert bool(reference.system_scoped) == ("system_scope" in scope)
    assert reference.has_service_catalog() == ("unscoped" not in scope)


def test_a_token_can_be_exchanged_for_one_of_another_scope(cloud: Cloud) -> None:
    first = cloud.session(unscoped=True).get_token()
    auth = v3.Token(auth_url=cloud.url, token=first, project_name="admin", project_domain_name="Default")
    access = auth.get_access(ks.Session())
    assert access.project_name == "admin"
    assert "admin" in access.role_names


def test_a_wrong_password_is_unauthorized(cloud: Cloud) -> None:
    session = cloud.session(**{**ADMIN, "password": "wrong", "project_name": "admin", "project_domain_name": "Default"})
    with pytest.raises(ks_exceptions.Unauthorized, match="requires authentication"):
        session.get_token()


def test_the_sdk_creates_shows_changes_and_deletes_every_noun(cloud: Cloud) -> None:
    identity = cloud.sdk().identity
    domain = identity.create_domain(name="d1", description="of a test")
    project = identity.create_project(name="p1", domain_id=domain.id, description="x", is_enabled=True, tags=["a"])
    user = identity.create_user(name="u1", domain_id=domain.id, password="secret", email="u1@example.org")
    group = identity.create_group(name="g1", domain_id=domain.id)
    role = identity.create_role(name="r1")
    assert identity.find_project("p1", ignore_missing=False).id == project.id
    assert identity.get_user(user.id).email == "u1@example.org"
    assert identity.update_user(user, description="more").description == "more"
    assert identity.update_project(project, name="p2").name == "p2"
    identity.add_user_to_group(user, group)
    assert [item.id for item in identity.group_users(group)] == [user.id]
    assert identity.check_user_in_group(user, group)
    identity.assign_project_role_to_group(project, group, role)
    assert identity.validate_group_has_project_role(project, group, role)
    found = list(identity.role_assignments(user_id=user.id, effective=True, include_names=True))
    assert [(item.user["name"], item.scope["project"]["name"], item.role["name"]) for item in found] == [
        ("u1", "p2", "r1")
    ]
    assert [item.id for item in identity.user_projects(user)] == [project.id]
    identity.unassign_project_role_from_group(project, group, role)
    for delete, thing in ((identity.delete_user, user), (identity.delete_group, group), (identity.delete_role, role),
                          (identity.delete_project, project)):  # fmt: skip
        delete(thing, ignore_missing=False)
    with pytest.raises(exceptions.ForbiddenException):
        identity.delete_domain(domain)
    identity.update_domain(domain, is_enabled=False)
    identity.delete_domain(domain, ignore_missing=False)
    with pytest.raises(exceptions.NotFoundException, match="Could not find domain"):
        identity.get_domain(domain.id)


def test_the_sdk_pages_through_a_list_that_is_longer_than_a_page(cloud: Cloud) -> None:
    identity = cloud.sdk().identity
    names = {f"paged-{number}" for number in range(7)}
    for name in names:
        identity.create_role(name=name)
    assert names <= {role.name for role in identity.roles(limit=2)}


def test_the_sdk_keeps_a_catalog(cloud: Cloud) -> None:
    identity = cloud.sdk().identity
    service = identity.create_service(type="toaster", name="bread", description="warm")
    identity.create_region(id="Mars", description="far")
    endpoint = identity.create_endpoint(service_id=service.id, interface="public", url="http://t/", region_id="Mars")
    assert [item.id for item in identity.endpoints(service_id=service.id)] == [endpoint.id]
    assert identity.update_endpoint(endpoint, url="http://u/%(project_id)s").url == "http://u/%(project_id)s"
    entry = next(e for e in cloud.access().service_catalog.catalog if e["type"] == "toaster")
    assert not entry["endpoints"][0]["url"].endswith("%(project_id)s")
    with pytest.raises(exceptions.ForbiddenException):
        identity.delete_region("Mars")
    identity.delete_endpoint(endpoint)
    identity.delete_service(service)
    identity.delete_region("Mars")


def test_the_sdk_walks_the_tree_tags_and_filters_of_projects(cloud: Cloud) -> None:
    identity = cloud.sdk().identity
    top = identity.create_project(name="tree", tags=["green"], domain_id="default")
    leaf = identity.create_project(name="tree-leaf", parent_id=top.id, domain_id="default")
    assert [item.id for item in identity.projects(tags="green")] == [top.id]
    found = identity.get("/projects?name__istartswith=TREE&name__endswith=-leaf").json()["projects"]
    assert [item["id"] for item in found] == [leaf.id]
    leaf.add_tag(identity, "red")
    assert leaf.check_tag(identity, "red")
    leaf.set_tags(identity, ["blue", "red"])
    assert sorted(leaf.fetch_tags(identity).tags) == ["blue", "red"]
    leaf.remove_tag(identity, "blue")
    assert identity.get_project(leaf.id).tags == ["red"]
    with pytest.raises(exceptions.ForbiddenException):
        identity.delete_project(top, ignore_missing=False)
    locked = identity.update_project(leaf, options={"immutable": True})
    with pytest.raises(exceptions.ForbiddenException, match="immutable"):
        identity.delete_project(locked, ignore_missing=False)
    identity.update_project(leaf, options={"immutable": None})
    for project in (leaf, top):
        identity.delete_project(project, ignore_missing=False)


def test_the_sdk_gives_roles_that_are_inherited_implied_and_of_one_domain(cloud: Cloud) -> None:
    """A-090: without a role no scoped token; A-091."""
    sdk = cloud.sdk()
    identity = sdk.identity
    domain = identity.create_domain(name="kitchen")
    project = identity.create_project(name="soup", domain_id=domain.id)
    user = identity.create_user(name="chef", domain_id=domain.id, password="secret")
    role = identity.find_role("member")
    local = identity.create_role(name="cook", domain_id=domain.id)
    me = {"username": "chef", "password": "secret", "user_domain_name": "kitchen"}
    on_soup = {**me, "project_name": "soup", "project_domain_name": "kitchen"}
    with pytest.raises(ks_exceptions.Unauthorized):
        cloud.session(**on_soup).get_token()
    identity.assign_domain_role_to_user(domain, user, role, inherited=True)
    assert sorted(cloud.access(**on_soup).role_names) == ["member", "reader"]
    assert identity.validate_user_has_domain_role(domain, user, role, inherited=True)
    found = list(identity.role_assignments(user_id=user.id, effective=True, scope_project_id=project.id))
    assert {item.role["id"] for item in found} == {role.id, identity.find_role("reader").id}
    identity.unassign_domain_role_from_user(domain, user, role, inherited=True)
    identity.assign_project_role_to_user(project, user, local)
    with pytest.raises(ks_exceptions.Unauthorized):
        cloud.session(**on_soup).get_token()
    sdk.session.put(f"{cloud.url}/v3/roles/{local.id}/implies/{role.id}")
    assert sorted(cloud.access(**on_soup).role_names) == ["member", "reader"]
    assert [item.id for item in identity.roles(domain_id=domain.id)] == [local.id]


def test_an_expired_password_is_changed_as_clients_do_it(cloud: Cloud) -> None:
    """S-046: with the old password, and without a token, since there can't be one."""
    identity = cloud.sdk().identity
    user = identity.create_user(name="late", domain_id="default", password="old secret")
    cloud.services.users.update(user.id, {"password_expires_at": cloud.database.now()})
    me = {"username": "late", "user_domain_name": "Default", "unscoped": True}
    with pytest.raises(ks_exceptions.Unauthorized, match=f"needs to be changed for user: {user.id}"):
        cloud.session(**me, password="old secret").get_token()
    body = {"user": {"original_password": "old secret", "password": "new secret"}}
    ks.Session().post(f"{cloud.url}/v3/users/{user.id}/password", json=body)
    assert cloud.session(**me, password="new secret").get_token()


def test_the_command_gives_inherited_roles_and_names_them(cloud: Cloud) -> None:
    answers = cloud.cli_many(
        "project create --parent admin --tag cli below-admin",
        "role assignment list --user admin --names",
        "project show --parents --children below-admin",
        "role list",
    )
    assert answers[0]["tags"] == ["cli"]
    assert {row["Role"] for row in answers[1]} == {"admin"}
    assert "default" in str(answers[2]["parents"])
    assert {"admin", "manager", "member", "reader", "service"} <= {row["Name"] for row in answers[3]}
