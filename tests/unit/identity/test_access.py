"""How long a token holds: until it expires, or at most a second after a reason why it should not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from iaas.clock import ManualClock
from iaas.config.sections import Auth
from iaas.db.schema.identity import revocations
from iaas.errors import Error, Unauthenticated
from iaas.identity import access as access_module
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import Credentials, Wanted
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.project import Domain, Project
from iaas.model.role import Actor, Assignment, Target
from iaas.model.token import ScopeKind
from iaas.model.user import Group, Reference, User
from tests.unit.identity import people

UNSCOPED = Wanted(kind=ScopeKind.UNSCOPED)


def test_what_a_token_can_be_for_is_what_roles_are_given_on() -> None:
    """iaas/db/identity/access.py compares the two."""
    assert {kind.value for kind in Target} == {kind.value for kind in ScopeKind} - {"unscoped"}


class Somebody:
    """A member of a project in a domain of its own, the role coming from a group, with a token."""

    def __init__(self, services: IdentityServices) -> None:
        self.services = services
        self.domain = services.domains.create(Domain(id=new_hex(), name="d"))
        home = self.domain.id
        self.project = services.projects.create(Project(id=new_hex(), parent_id=home, domain_id=home, name="p"))
        self.user = services.users.create_with(User(id=new_hex(), domain_id=home, name="u"), "secret")
        self.group = services.groups.create(Group(id=new_hex(), domain_id=home, name="g"))
        services.groups.add(self.group.id, self.user.id)
        [self.role] = services.roles.page({"name": "member"})
        self.grant = Assignment(
            actor_type=Actor.GROUP,
            actor_id=self.group.id,
            target_type=Target.PROJECT,
            target_id=self.project.id,
            role_id=self.role.id,
        )
        services.assignments.grant(self.grant)
        self.issued = people.log_in(services, self.user, people.on(self.project))


CAUSES: dict[str, Callable[[Somebody], object]] = {
    "the token is revoked": lambda s: s.services.revoke(s.issued.access),
    "its chain is revoked": lambda s: s.services.revoke(s.issued.access, chain=True),
    "an administrator sets the password": lambda s: s.services.users.update_with(s.user.id, {}, "new"),
    "the user changes the password": lambda s: s.services.users.change_password(s.user.id, "secret", "new", ""),
    "the user is disabled": lambda s: s.services.users.update_with(s.user.id, {"enabled": False}, None),
    "the user is deleted": lambda s: s.services.users.delete(s.user.id),
    "the project is disabled": lambda s: s.services.projects.update(s.project.id, {"enabled": False}),
    "the project is deleted": lambda s: s.services.projects.delete(s.project.id),
    "the domain is disabled": lambda s: s.services.domains.update(s.domain.id, {"enabled": False}),
    "the role is taken away": lambda s: s.services.assignments.revoke(s.grant),
    "the role is deleted": lambda s: (
        s.services.roles.update(s.role.id, {"options": {"immutable": None}}),
        s.services.roles.delete(s.role.id),
    ),
    "the user leaves the group": lambda s: s.services.groups.remove(s.group.id, s.user.id),
    "the group is deleted": lambda s: s.services.groups.delete(s.group.id),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_within_a_second_every_daemon_refuses_the_token_because(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock, cause: str
) -> None:
    """S-030; S-031: a daemon that starts afterwards refuses it too."""
    somebody = Somebody(services)
    token = somebody.issued.token
    auth = Auth(key_repository=str(services.keys._directory), bcrypt_rounds=4)
    elsewhere = IdentityFacade.open(services.database, auth)
    assert facade.authenticate(token).roles == ("member", "reader")
    assert elsewhere.authenticate(token).project_id == somebody.project.id
    CAUSES[cause](somebody)
    clock.advance(access_module.FRESH)
    started_later = IdentityFacade.open(services.database, auth)
    for daemon in (facade, elsewhere, started_later):
        with pytest.raises(Unauthenticated):
            daemon.authenticate(token)


@pytest.mark.parametrize("noun", ["users", "projects", "domains"])
def test_enabling_again_does_not_bring_old_tokens_back(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock, noun: str
) -> None:
    """CVE-2014-5251 and kin."""
    somebody = Somebody(services)
    id = {"users": somebody.user.id, "projects": somebody.project.id, "domains": somebody.domain.id}[noun]
    for enabled in (False, True):
        getattr(services, noun).update(id, {"enabled": enabled})
    clock.advance(1)
    with pytest.raises(Unauthenticated):
        facade.authenticate(somebody.issued.token)
    again = people.log_in(services, somebody.user, people.on(somebody.project))
    assert facade.authenticate(again.token).project_id == somebody.project.id


def test_a_token_dies_at_its_expiry_even_when_it_was_just_used(facade: IdentityFacade, clock: ManualClock) -> None:
    """S-028"""
    token = facade.service_token(3)
    clock.advance(2.9)
    assert facade.authenticate(token).user_name == "iaas"
    clock.advance(0.1)
    with pytest.raises(Unauthenticated):
        facade.authenticate(token)


def test_twenty_rescopes_never_extend_a_life(services: IdentityServices, clock: ManualClock) -> None:
    """S-029"""
    who, where = people.user(services), people.project(services)
    people.give(services, "member", who, where)
    issued = people.log_in(services, who, UNSCOPED)
    first = issued.access.claims
    for step in range(20):
        clock.advance(60)
        issued = people.exchange(services, issued.token, people.on(where) if step % 2 else UNSCOPED)
        claims = issued.access.claims
        assert claims.expires_at == first.expires_at
        assert claims.chain_id == first.audit_ids[0]
        assert len(claims.audit_ids) == 2
        assert set(claims.methods) == {"password", "token"}
    clock.advance(3600 - 20 * 60)
    with pytest.raises(Unauthenticated):
        people.exchange(services, issued.token, UNSCOPED)


def test_a_revoked_chain_is_dead_in_every_generation(services: IdentityServices, clock: ManualClock) -> None:
    """S-032"""
    who = people.user(services)
    family = [people.log_in(services, who, UNSCOPED)]
    for _ in range(2):
        family.append(people.exchange(services, family[-1].token, UNSCOPED))
    stranger = people.log_in(services, who, UNSCOPED)
    services.revoke(family[1].access, chain=True)
    clock.advance(1)
    for issued in family:
        with pytest.raises(Unauthenticated):
            services.validator.access(issued.token)
    assert services.validator.access(stranger.token)


def test_revoking_one_token_spares_the_others_of_its_user(services: IdentityServices, clock: ManualClock) -> None:
    who = people.user(services)
    one, other = (people.log_in(services, who, UNSCOPED) for _ in range(2))
    services.revoke(one.access)
    clock.advance(1)
    assert services.validator.access(other.token)


def test_a_token_revoked_a_moment_ago_can_not_be_exchanged(services: IdentityServices) -> None:
    """What the memory of a second still lets through must not be turned into an hour."""
    who = people.user(services)
    issued = people.log_in(services, who, UNSCOPED)
    other = IdentityServices.open(
        services.database, Auth(key_repository=str(services.keys._directory), bcrypt_rounds=4)
    )
    assert other.validator.access(issued.token)
    services.revoke(issued.access)
    with pytest.raises(Unauthenticated):
        people.exchange(other, issued.token, UNSCOPED)


def test_a_new_password_works_at_once_even_if_the_clock_steps_back(
    services: IdentityServices, clock: ManualClock
) -> None:
    """F-58"""
    who = people.user(services)
    services.users.update_with(who.id, {}, "new")
    clock.advance(-300)
    issued = people.log_in(services, who, UNSCOPED, "new")
    assert services.validator.access(issued.token)


@pytest.mark.parametrize("noun", ["users", "projects", "domains"])
def test_a_clock_that_stepped_back_brings_no_token_back(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock, noun: str
) -> None:
    """S-030, F-58: neither those that were ended before, nor the one that was made since."""
    somebody = Somebody(services)
    id = {"users": somebody.user.id, "projects": somebody.project.id, "domains": somebody.domain.id}[noun]

    def off_and_on() -> None:
        for enabled in (False, True):
            getattr(services, noun).update(id, {"enabled": enabled})

    clock.advance(10)
    off_and_on()
    clock.advance(-300)
    since = people.log_in(services, somebody.user, people.on(somebody.project)).token
    assert facade.authenticate(since)
    off_and_on()
    clock.advance(1)
    for token in (somebody.issued.token, since):
        with pytest.raises(Unauthenticated):
            facade.authenticate(token)


def test_revocations_are_swept_when_nobody_can_ask_for_them(services: IdentityServices, clock: ManualClock) -> None:
    """S-050: a service may ask for an expired token for two days."""
    who = people.user(services)
    for _ in range(5):
        services.revoke(people.log_in(services, who, UNSCOPED).access)
        clock.advance(2 * 86400 + 3601)
    with services.database.read() as tx:
        assert len(tx.all(revocations.select())) == 1


def test_the_memory_of_valid_tokens_is_bounded(services: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "CAPACITY", 3)
    who = people.user(services)
    for _ in range(10):
        services.validator.access(people.log_in(services, who, UNSCOPED).token)
    assert len(services.validator._known) == 3


def test_a_scope_without_a_role_gives_no_token(services: IdentityServices) -> None:
    """A-090"""
    who, where = people.user(services), people.project(services)
    wanted = (
        people.on(where),
        Wanted(kind=ScopeKind.SYSTEM),
        Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id="default")),
        Wanted(kind=ScopeKind.PROJECT, reference=Reference(id="unknown")),
    )
    for scope in wanted:
        with pytest.raises(Unauthenticated):
            people.log_in(services, who, scope)


def test_without_a_wanted_scope_the_default_project_is_taken_if_it_is_usable(services: IdentityServices) -> None:
    who, where = people.user(services), people.project(services)
    services.users.update_with(who.id, {"default_project_id": where.id}, None)
    assert people.log_in(services, who, Wanted()).access.project is None
    people.give(services, "reader", who, where)
    found = people.log_in(services, who, Wanted()).access.project
    assert found is not None and found.id == where.id
    assert people.log_in(services, who, UNSCOPED).access.project is None


def test_the_context_names_the_caller_and_its_effective_roles(
    services: IdentityServices, facade: IdentityFacade
) -> None:
    who, where = people.user(services), people.project(services)
    people.give(services, "manager", who, where)
    context = facade.authenticate(people.log_in(services, who, people.on(where)).token)
    assert (context.user_id, context.user_name, context.user_domain_id) == (who.id, "u", "default")
    assert (context.project_id, context.project_name, context.project_domain_id) == (where.id, "p", "default")
    assert context.roles == ("manager", "member", "reader")
    assert (context.domain_id, context.system_scope, context.is_admin) == (None, None, False)


def test_two_methods_must_prove_the_same_user(services: IdentityServices) -> None:
    one, other = people.user(services, "one"), people.user(services, "other")
    token = people.log_in(services, one, UNSCOPED).token
    both = Credentials(user=Reference(id=other.id), password="secret", token=token)
    with pytest.raises(Unauthenticated):
        services.login.issue(both, UNSCOPED)
    same = services.login.issue(replace(both, user=Reference(id=one.id)), UNSCOPED)
    assert set(same.access.claims.methods) == {"password", "token"}
    assert same.access.claims.expires_at - same.access.claims.issued_at <= timedelta(hours=1)


def test_a_login_without_any_method_is_refused(services: IdentityServices) -> None:
    with pytest.raises(Error):
        services.login.issue(Credentials(), UNSCOPED)


def test_a_role_is_inherited_by_every_project_below_and_by_nothing_else(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock
) -> None:
    """A-091: from a domain and from a project; a token has it while the grant is there."""
    who, top, beside = people.user(services), people.project(services, "top"), people.project(services, "beside")
    middle = services.projects.create(Project(id=new_hex(), domain_id="default", parent_id=top.id, name="middle"))
    leaf = services.projects.create(Project(id=new_hex(), domain_id="default", parent_id=middle.id, name="leaf"))
    [member] = services.roles.page({"name": "member"})
    [manager] = services.roles.page({"name": "manager"})
    grants = [
        Assignment(actor_type=Actor.USER, actor_id=who.id, target_type=kind, target_id=id, role_id=role, inherited=True)
        for kind, id, role in ((Target.PROJECT, top.id, member.id), (Target.DOMAIN, "default", manager.id))
    ]
    services.assignments.grant(grants[0])
    for refused in (people.on(top), people.on(beside), Wanted(kind=ScopeKind.SYSTEM)):
        with pytest.raises(Unauthenticated):
            people.log_in(services, who, refused)
    token = people.log_in(services, who, people.on(leaf)).token
    assert facade.authenticate(token).roles == ("member", "reader")
    services.assignments.grant(grants[1])
    for place in (top, beside, leaf):
        issued = people.log_in(services, who, people.on(place))
        assert facade.authenticate(issued.token).roles == ("manager", "member", "reader")
    with pytest.raises(Unauthenticated):
        people.log_in(services, who, Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id="default")))
    services.assignments.revoke(grants[1])
    services.assignments.revoke(grants[0])
    clock.advance(access_module.FRESH)
    with pytest.raises(Unauthenticated):
        facade.authenticate(token)
