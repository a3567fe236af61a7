"""Shorthands of the identity tests: users with a role, and their tokens."""

from __future__ import annotations

from iaas.identity.login import Credentials, Issued, Wanted
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.project import Project
from iaas.model.role import Actor, Assignment, Target
from iaas.model.token import ScopeKind
from iaas.model.user import Reference, User


def project(services: IdentityServices, name: str = "p") -> Project:
    return services.projects.create(Project(id=new_hex(), domain_id="default", parent_id="default", name=name))


def user(services: IdentityServices, name: str = "u", password: str | None = "secret") -> User:
    return services.users.create_with(User(id=new_hex(), domain_id="default", name=name), password)


def give(services: IdentityServices, role: str, who: User, where: Project) -> Assignment:
    [found] = services.roles.page({"name": role})
    grant = Assignment(
        actor_type=Actor.USER, actor_id=who.id, target_type=Target.PROJECT, target_id=where.id, role_id=found.id
    )
    services.assignments.grant(grant)
    return grant


def on(where: Project) -> Wanted:
    return Wanted(kind=ScopeKind.PROJECT, reference=Reference(id=where.id))


def log_in(services: IdentityServices, who: User, wanted: Wanted, password: str = "secret") -> Issued:
    return services.login.issue(Credentials(user=Reference(id=who.id), password=password), wanted)


def exchange(services: IdentityServices, token: str, wanted: Wanted) -> Issued:
    return services.login.issue(Credentials(token=token), wanted)
