"""The identity API in this process: real logic, SQLite, a clock that the test moves, and people of every kind.

world.request("admin", "GET", "/users")           as a persona; the path is below /v3
world.ids["member"]                               ids of what the world starts with
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.test import Client, TestResponse

from iaas.api.app import make_app
from iaas.api.identity.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.clock import ManualClock
from iaas.config.sections import Auth, SecurityCompliance
from iaas.db.engine import Database
from iaas.db.schema.metadata import metadata
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import Credentials, Wanted
from iaas.identity.service import IdentityServices
from iaas.ids import new_hex
from iaas.model.project import Domain, Project
from iaas.model.role import Actor, Assignment, Target
from iaas.model.token import ScopeKind
from iaas.model.user import Group, Reference, User
from tests.unit.identity import people

PASSWORD = "secret"
ROUTES = collect("iaas.api.identity")
ON_SYSTEM = Wanted(kind=ScopeKind.SYSTEM)
UNSCOPED = Wanted(kind=ScopeKind.UNSCOPED)
PERSONAS = (
    "admin", "system_admin", "system_reader", "member", "stranger", "unscoped", "service", "domain_manager",
    "domain_reader",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One request and what must come of it. ``has``: values at dotted places of the answer."""

    who: str
    method: str
    path: str
    status: int
    body: Any = None
    has: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return f"{self.who} {self.method} {self.path} is {self.status}"


class World:
    def __init__(
        self, database: Database, clock: ManualClock, directory: Path, rules: SecurityCompliance | None = None
    ) -> None:
        auth = Auth(key_repository=str(directory / "keys"), bcrypt_rounds=4)
        self.clock = clock
        watch = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") if database.sqlite else None
        self._watch = watch
        self.services = IdentityServices.open(database, auth, compliance=rules)
        self.facade = IdentityFacade(self.services)
        urls = {"identity": Urls("http://id/v3"), "compute": Urls("http://c/v2.1/$(project_id)s")}
        self.facade.bootstrap(PASSWORD, urls)
        app = make_app(DIALECT, ROUTES, self.services, Policy.of_routes(ROUTES), self.facade.authenticate)
        self.app, self.http = app, Client(app)
        self.ids: dict[str, str] = {"default": "default"}
        self.tokens: dict[str, str | None] = {"nobody": None, "forger": "gAAAAA" + "x" * 200}
        self._people()

    def _people(self) -> None:
        services = self.services
        [admin] = services.users.page({"name": "admin"})
        [top] = services.projects.page({"name": "admin"})
        ours, theirs = people.project(services, "ours"), people.project(services, "theirs")
        member, stranger = people.user(services, "member"), people.user(services, "stranger")
        reader, plain = people.user(services, "system_reader"), people.user(services, "unscoped")
        people.give(services, "member", member, ours)
        people.give(services, "member", stranger, theirs)
        roles = {role.name: role.id for role in services.roles.page({})}
        grant = {"actor_type": Actor.USER, "target_type": Target.SYSTEM, "target_id": "all"}
        services.assignments.grant(Assignment(actor_id=reader.id, role_id=roles["reader"], **grant))  # type: ignore[arg-type]
        self.ids |= {"admin": admin.id, "admin_project": top.id, "member": member.id, "stranger": stranger.id}
        self.ids |= {"ours": ours.id, "theirs": theirs.id, "system_reader": reader.id, "unscoped": plain.id}
        self.ids |= {f"role_{name}": id for name, id in roles.items()}
        self.tokens |= {
            "admin": self.token(admin.id, people.on(top)),
            "system_admin": self.token(admin.id, ON_SYSTEM),
            "system_reader": self.token(reader.id, ON_SYSTEM),
            "member": self.token(member.id, people.on(ours)),
            "stranger": self.token(stranger.id, people.on(theirs)),
            "unscoped": self.token(plain.id, UNSCOPED),
            "service": self.facade.service_token(),
        }

    def add_domain(self) -> None:
        """``there``: a domain with a manager, a reader, a project and a group of its own."""
        services = self.services
        there = services.domains.create(Domain(id=new_hex(), name="there"))
        project = services.projects.create(Project(id=new_hex(), domain_id=there.id, parent_id=there.id, name="inside"))
        group = services.groups.create(Group(id=new_hex(), domain_id=there.id, name="crew"))
        self.ids |= {"there": there.id, "inside": project.id, "crew": group.id}
        for role in ("manager", "reader"):
            who = services.users.create_with(User(id=new_hex(), domain_id=there.id, name=role), PASSWORD)
            services.assignments.grant(Assignment(actor_type=Actor.USER, actor_id=who.id, target_type=Target.DOMAIN,
                                                  target_id=there.id, role_id=self.ids[f"role_{role}"]))  # fmt: skip
            self.ids[f"domain_{role}"] = who.id
            on = Wanted(kind=ScopeKind.DOMAIN, reference=Reference(id=there.id))
            self.tokens[f"domain_{role}"] = self.token(who.id, on)

    def token(self, user_id: str, wanted: Wanted) -> str:
        credentials = Credentials(user=Reference(id=user_id), password=PASSWORD)
        return self.services.login.issue(credentials, wanted).token

    def request(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """``{name}`` in the path and the body stands for an id of the world."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        token = self.tokens[who]
        if token is not None:
            sent["X-Auth-Token"] = token
        filled = None if body is None else json.loads(self._filled(json.dumps(body)))
        return self.http.open("/v3" + self._filled(path), method=method, headers=sent, json=filled)

    def run(self, case: Case) -> TestResponse:
        before = self._writes()
        answer = self.request(case.who, case.method, case.path, case.body)
        assert answer.status_code == case.status, f"{case}: {answer.status_code} {answer.text[:500]}"
        assert case.status < 400 or self._writes() == before, f"S-048: {case} has changed something"
        if case.status >= 400 and case.method != "HEAD":
            assert set(answer.json["error"]) == {"code", "title", "message"}  # type: ignore[index]
            assert answer.json["error"]["code"] == case.status  # type: ignore[index]
        for place, value in case.has:
            assert at(answer.json, place) == self._known(value), f"{case}: {place} in {answer.text[:500]}"
        return answer

    def make(self, noun: str, **fields: Any) -> str:
        """Creates one as admin and answers its id; a category's URL is the noun's plural."""
        answer = self.request("admin", "POST", f"/{noun}s", {noun: fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json[noun]["id"])  # type: ignore[index]

    def state(self) -> dict[str, list[Any]]:
        """Every row of identity's tables, to see that a refusal changed nothing (S-048)."""
        with self.services.database.read() as tx:
            tables = (table for table in metadata.sorted_tables if table.name.startswith("identity_"))
            return {table.name: sorted(map(tuple, tx.all(table.select())), key=repr) for table in tables}

    def _writes(self) -> Any:
        """Another number after each transaction that changed a row of any table; only SQLite tells."""
        return self._watch and self._watch.exec_driver_sql("PRAGMA data_version").scalar()

    def _filled(self, text: str) -> str:
        for name, id in self.ids.items():
            text = text.replace("{" + name + "}", id)
        return text

    def _known(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._known(item) for item in value]
        return self._filled(value) if isinstance(value, str) else value


def at(data: Any, place: str) -> Any:
    """The value at ``a.0.b``; a list's ``#`` is its length, ``*`` the list of that key's values, sorted."""
    parts = place.split(".")
    for position, part in enumerate(parts):
        if part == "#":
            return len(data)
        if part == "*":
            return sorted(at(item, ".".join(parts[position + 1 :])) for item in data)
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data
