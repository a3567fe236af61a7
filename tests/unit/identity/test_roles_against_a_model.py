"""Small clouds of every shape: what tokens carry and what the lists say is what a naive model says (A-090, A-091).

The model reads like the published rules: a role comes from a grant to the user or to one of its groups; a grant counts
on its target, or, inherited, on every project below and not on the target; roles imply others; a role of one domain
is in no token by itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from iaas.api.app import make_app
from iaas.api.identity.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.clock import ManualClock
from iaas.config.sections import Auth
from iaas.context import Context
from iaas.db.engine import Database, Tx
from iaas.db.identity import assignments as assignments_db
from iaas.db.identity import groups as groups_db
from iaas.db.identity import roles as roles_db
from iaas.db.identity.access import standing
from iaas.db.identity.nouns import DOMAINS, GROUPS, PROJECTS, ROLES, USERS
from iaas.db.schema.metadata import metadata
from iaas.identity.service import IdentityServices
from iaas.model.project import Domain, Project
from iaas.model.role import SYSTEM, Actor, Assignment, Role, Target
from iaas.model.token import ON_SYSTEM, Scope, ScopeKind
from iaas.model.user import Group, User

DOMAIN_IDS, USER_IDS, GROUP_IDS = ("d0", "d1"), ("u0", "u1", "u2"), ("g0", "g1")
ROLE_IDS = ("r0", "r1", "r2", "r3", "r4")
Place = tuple[Target, str]


@dataclass(frozen=True)
class Cloud:
    parents: dict[str, str]  # of a project: another one, or its domain
    members: frozenset[tuple[str, str]]  # group, user
    role_domains: dict[str, str | None]
    implied: frozenset[tuple[str, str]]
    grants: frozenset[Assignment]

    def domain(self, place: str) -> str:
        return place if place in DOMAIN_IDS else self.domain(self.parents[place])

    def places(self) -> list[Place]:
        named = [(Target.PROJECT, id) for id in self.parents] + [(Target.DOMAIN, id) for id in DOMAIN_IDS]
        return [*named, (Target.SYSTEM, SYSTEM)]

    def above(self, project: str) -> list[str]:
        parent = self.parents.get(project)
        return [] if parent is None else [parent, *self.above(parent)]

    def roles(self, user: str, place: Place) -> set[str]:
        """The naive answer."""
        found = {grant.role_id for grant in self.grants if self._means(grant, user) and self._counts(grant, place)}
        while more := {new for old, new in self.implied if old in found} - found:
            found |= more
        return {role for role in found if self.role_domains[role] is None}

    def _means(self, grant: Assignment, user: str) -> bool:
        return grant.actor_id == user or (grant.actor_id, user) in self.members

    def _counts(self, grant: Assignment, place: Place) -> bool:
        if grant.inherited:
            return place[0] is Target.PROJECT and grant.target_id in self.above(place[1])
        return (grant.target_type, grant.target_id) == place


@st.composite
def clouds(draw: st.DrawFn) -> Cloud:
    parents: dict[str, str] = {}
    for number in range(draw(st.integers(1, 5))):
        parents[f"p{number}"] = draw(st.sampled_from([*DOMAIN_IDS, *parents]))
    places = [(Target.PROJECT, id) for id in parents] + [(Target.DOMAIN, id) for id in DOMAIN_IDS]
    actors = [(Actor.USER, id) for id in USER_IDS] + [(Actor.GROUP, id) for id in GROUP_IDS]
    role_domains = {id: draw(st.sampled_from([None, None, *DOMAIN_IDS])) for id in ROLE_IDS}
    pairs = [(old, new) for old in ROLE_IDS for new in ROLE_IDS if old < new]
    legal = [(old, new) for old, new in pairs if role_domains[new] in (None, role_domains[old])]
    grants = set()
    for _ in range(draw(st.integers(0, 7))):
        (actor, actor_id), role = draw(st.sampled_from(actors)), draw(st.sampled_from(ROLE_IDS))
        target, id = draw(st.sampled_from([*places, *places, (Target.SYSTEM, SYSTEM)]))
        inherited = draw(st.booleans()) and target is not Target.SYSTEM
        grants.add(Assignment(
            actor_type=actor, actor_id=actor_id, target_type=target, target_id=id, role_id=role, inherited=inherited
        ))  # fmt: skip
    subset = lambda of: draw(st.frozensets(st.sampled_from(of), max_size=4)) if of else frozenset()  # noqa: E731
    members = subset([(group, user) for group in GROUP_IDS for user in USER_IDS])
    return Cloud(parents, members, role_domains, subset(legal), frozenset(grants))


def build(tx: Tx, cloud: Cloud) -> None:
    for table in reversed(metadata.sorted_tables):
        if table.name.startswith("identity_"):
            tx.execute(table.delete())
    for id in DOMAIN_IDS:
        DOMAINS.create(tx, Domain(id=id, name=id))
    for id, parent in cloud.parents.items():
        PROJECTS.create(tx, Project(id=id, name=id, domain_id=cloud.domain(id), parent_id=parent))
    for id in USER_IDS:
        USERS.create(tx, User(id=id, name=id, domain_id="d0"), password_own=False)
    for id in GROUP_IDS:
        GROUPS.create(tx, Group(id=id, name=id, domain_id="d1"))
    for id, domain in cloud.role_domains.items():
        ROLES.create(tx, Role(id=id, name=id, domain_id=domain))
    for group, user in cloud.members:
        groups_db.add_member(tx, group, user)
    for prior, implied in cloud.implied:
        roles_db.add_inference(tx, prior, implied)
    for grant in cloud.grants:
        assignments_db.add(tx, grant)


class Site:
    """One database for all examples, and the API over it; a token is the id of a user, who is an administrator."""

    def __init__(self, database: Database, keys: Path) -> None:
        self.database = database
        services = IdentityServices.open(database, Auth(key_repository=str(keys), bcrypt_rounds=4))
        routes = collect("iaas.api.identity")
        app = make_app(DIALECT, routes, services, Policy.of_routes(routes), self._caller)
        self._http = Client(app)

    def _caller(self, token: str) -> Context:
        return Context(request_id="", user_id=token, roles=("admin",))

    def get(self, who: str, path: str) -> Any:
        answer = self._http.get(f"/v3{path}", headers={"X-Auth-Token": who})
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("model")
    shutil.copyfile(database_template, directory / "iaas.sqlite")
    database = Database(f"sqlite:///{directory}/iaas.sqlite", clock=ManualClock())
    yield Site(database, directory / "keys")
    database.close()


def scope_of(place: Place) -> Scope:
    kind, id = place
    return ON_SYSTEM if kind is Target.SYSTEM else Scope(kind=ScopeKind(kind.value), id=id)


@settings(max_examples=40, derandomize=True, deadline=None, database=None)
@given(cloud=clouds())
def test_tokens_and_lists_agree_with_the_model(site: Site, cloud: Cloud) -> None:
    check(site, cloud)


def check(site: Site, cloud: Cloud) -> None:
    """On whichever database."""
    site.database.run(lambda tx: build(tx, cloud))
    truth = {(user, place): cloud.roles(user, place) for user in USER_IDS for place in cloud.places()}
    with site.database.read() as tx:
        for (user, place), roles in truth.items():
            found = standing(tx, user, scope_of(place))
            assert found is not None
            assert {role.id for role in found.roles} == roles, (user, place)
    listed = site.get("u0", "/role_assignments?effective")["role_assignments"]
    assert sorted(map(_flat, listed)) == sorted(
        (user, kind.value, id, role) for (user, (kind, id)), roles in truth.items() for role in roles
    )
    for user in USER_IDS:
        for kind in (Target.PROJECT, Target.DOMAIN):
            usable = {id for (who, (of, id)), roles in truth.items() if (who, of) == (user, kind) and roles}
            shown = site.get(user, f"/auth/{kind.value}s")[f"{kind.value}s"]
            assert {item["id"] for item in shown} == usable, (user, kind)
        on_system = bool(truth[user, (Target.SYSTEM, SYSTEM)])
        assert bool(site.get(user, "/auth/system")["system"]) == on_system
    _some_filters_agree(site, cloud, truth)


def _some_filters_agree(site: Site, cloud: Cloud, truth: dict[tuple[str, Place], set[str]]) -> None:
    leaf = max(cloud.parents)
    top = [leaf, *cloud.above(leaf)][-2]
    tree = {id for id in cloud.parents if id == top or top in cloud.above(id)}
    for query, wanted in ((leaf, {leaf}), (f"{top}&include_subtree", tree)):
        listed = site.get("u0", f"/role_assignments?effective&user.id=u1&scope.project.id={query}")["role_assignments"]
        assert {_flat(row)[2:] for row in listed} == {
            (id, role) for id in wanted for role in truth["u1", (Target.PROJECT, id)]
        }, query
    stored = site.get("u0", "/role_assignments")["role_assignments"]
    assert len(stored) == len(cloud.grants)
    inherited = site.get("u0", "/role_assignments?scope.OS-INHERIT:inherited_to=projects")["role_assignments"]
    assert len(inherited) == len([grant for grant in cloud.grants if grant.inherited])


def _flat(row: dict[str, Any]) -> tuple[str, str, str, str]:
    [kind] = row["scope"].keys() - {"OS-INHERIT:inherited_to"}
    id = SYSTEM if kind == "system" else row["scope"][kind]["id"]
    return row["user"]["id"], kind, id, row["role"]["id"]
