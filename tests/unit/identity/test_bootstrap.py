"""Bootstrap makes a working cloud from nothing, repairs a damaged one, and otherwise changes nothing."""

from __future__ import annotations

import pytest

from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.db.schema.metadata import metadata
from iaas.errors import Unauthenticated
from iaas.identity.assignments import Query
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import Wanted
from iaas.identity.service import IdentityServices
from iaas.model.role import Target
from iaas.model.token import ScopeKind
from tests.unit.identity import people
from tests.unit.identity.conftest import PASSWORD

CATALOG = {"identity": Urls("http://id/v3"), "image": Urls("http://img", internal="http://img.internal")}


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as tx:
        tables = (table for table in metadata.sorted_tables if table.name.startswith("identity_"))
        return {table.name: sorted(map(tuple, tx.all(table.select())), key=repr) for table in tables}


def test_a_second_run_changes_nothing(facade: IdentityFacade, database: Database) -> None:
    facade.bootstrap(PASSWORD, CATALOG)
    before = rows(database)
    assert facade.bootstrap(PASSWORD, CATALOG) == []
    assert rows(database) == before


def test_the_administrator_has_the_project_and_the_system(services: IdentityServices) -> None:
    [admin] = services.users.page({"name": "admin"})
    found = services.assignments.find(Query(user_id=admin.id, names=True))
    assert {(item.names.role, item.assignment.target_type) for item in found if item.names} == {
        ("admin", Target.PROJECT),
        ("admin", Target.SYSTEM),
    }


def test_the_platforms_own_user_is_no_administrator_and_has_no_password(
    services: IdentityServices, facade: IdentityFacade
) -> None:
    """S-047"""
    context = facade.authenticate(facade.service_token(60))
    assert (context.user_name, context.project_name, context.roles) == ("iaas", "service", ("service",))
    [iaas] = services.users.page({"name": "iaas"})
    for word in (PASSWORD, "iaas", "service", "admin", "password"):
        with pytest.raises(Unauthenticated):
            people.log_in(services, iaas, Wanted(kind=ScopeKind.UNSCOPED), word)


def test_a_lost_administrator_is_repaired(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock
) -> None:
    [admin] = services.users.page({"name": "admin"})
    [project] = services.projects.page({"name": "admin"})
    for item in services.assignments.find(Query(user_id=admin.id)):
        services.assignments.revoke(item.assignment)
    services.users.update_with(admin.id, {"enabled": False}, "forgotten")
    services.projects.update(project.id, {"enabled": False})
    assert len(facade.bootstrap("a new one", CATALOG)) > 0
    clock.advance(1)
    issued = people.log_in(services, admin, people.on(project), "a new one")
    assert "admin" in facade.authenticate(issued.token).roles


def test_a_deleted_administrator_is_made_again(services: IdentityServices, facade: IdentityFacade) -> None:
    [admin] = services.users.page({"name": "admin"})
    services.users.delete(admin.id)
    changed = facade.bootstrap(PASSWORD, CATALOG)
    assert "created user admin" in changed
    [again] = services.users.page({"name": "admin"})
    [project] = services.projects.page({"name": "admin"})
    assert people.log_in(services, again, people.on(project), PASSWORD).token


def test_a_changed_url_is_changed_and_nothing_else(facade: IdentityFacade, services: IdentityServices) -> None:
    facade.bootstrap(PASSWORD, CATALOG)
    moved = {**CATALOG, "image": Urls("http://new", internal="http://img.internal")}
    assert facade.bootstrap(PASSWORD, moved) == [
        "changed the public endpoint of image",
        "changed the admin endpoint of image",
    ]
    entries = {entry.service.type: entry.endpoints for entry in services.endpoints.catalog("u", None)}
    assert {endpoint.interface: endpoint.url for endpoint in entries["image"]} == {
        "public": "http://new",
        "admin": "http://new",
        "internal": "http://img.internal",
    }


def test_the_roles_of_a_cloud_imply_each_other(services: IdentityServices) -> None:
    named = {role.id: role.name for role in services.roles.page({})}
    assert set(named.values()) == {"admin", "manager", "member", "reader", "service"}
    rules = {(prior.name, role.name) for prior, implied in services.roles.inferences() for role in implied}
    assert rules == {("admin", "manager"), ("manager", "member"), ("member", "reader")}


def test_an_administrator_whose_role_was_renamed_or_lost_its_rules_is_one_again(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock
) -> None:
    [role] = services.roles.page({"name": "admin"})
    [manager] = services.roles.page({"name": "manager"})
    services.roles.imply_not(role.id, manager.id)
    services.roles.update(role.id, {"options": {"immutable": False}})
    services.roles.update(role.id, {"name": "boss"})
    domain = services.domains.update("default", {"enabled": False})
    assert not domain.enabled
    done = facade.bootstrap(PASSWORD, CATALOG)
    assert {"created role admin", "role admin implies manager", "enabled domain Default"} <= set(done)
    clock.advance(1)
    [admin] = services.users.page({"name": "admin"})
    [project] = services.projects.page({"name": "admin"})
    for wanted in (people.on(project), Wanted(kind=ScopeKind.SYSTEM)):
        roles = facade.authenticate(people.log_in(services, admin, wanted, PASSWORD).token).roles
        assert {"admin", "manager", "member", "reader"} <= set(roles)


def test_an_administrator_whose_password_has_ended_gets_it_again(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock
) -> None:
    [admin] = services.users.page({"name": "admin"})
    services.users.update(admin.id, {"password_expires_at": clock.now(), "options": {"lock_password": True}})
    with pytest.raises(Unauthenticated):
        people.log_in(services, admin, Wanted(kind=ScopeKind.UNSCOPED), PASSWORD)
    assert facade.bootstrap(PASSWORD, CATALOG)[0] == "set the password of user admin"
    clock.advance(1)
    assert people.log_in(services, admin, Wanted(kind=ScopeKind.UNSCOPED), PASSWORD).token
