"""Every route of every API as every persona: the real applications with the real policy, in this process.

What is asked is only the first gate: 401, 403, or past it. Objects don't exist; bodies have the wrong shape; the
bus leads nowhere. The table is kept in policy_matrix.txt and written by tools/regenerate.py.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.test import Client

from iaas.api.app import make_app
from iaas.api.policy import Policy
from iaas.api.route import Route, collect
from iaas.api.rulebook import SERVICES, rules_of
from iaas.compute.service import Compute
from iaas.config import sections
from iaas.context import Context
from iaas.db.engine import Database
from iaas.errors import Unauthenticated, Unavailable
from iaas.identity.service import IdentityServices
from iaas.image.facade import ImageFacade
from iaas.image.services import make
from iaas.network.facade import NetworkFacade
from iaas.network.service import NetworkServices
from iaas.network.settings import Settings
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices

TABLE = Path(__file__).with_name("policy_matrix.txt")
RED, BLUE = "1" * 32, "2" * 32  # projects
MEMBER = "a" * 32  # the user of the persona "member"


def person(name: str, project: str | None, *roles: str, system: str | None = None, on: str | None = None) -> Context:
    domain = "default" if project else None
    return Context(
        request_id="", user_id=name, project_id=project, roles=roles, system_scope=system, project_domain_id=domain,
        user_domain_id="default", domain_id=on,
    )  # fmt: skip


PERSONAS: dict[str, Context | None] = {
    "nobody": None,
    "unscoped": person("b" * 32, None),
    "reader": person("c" * 32, RED, "reader"),
    "member": person(MEMBER, RED, "member", "reader"),
    "other": person("d" * 32, BLUE, "member", "reader"),  # a member of another project
    "manager": person("9" * 32, RED, "manager", "member", "reader"),
    "service": person("e" * 32, "3" * 32, "service"),
    "sysreader": person("f" * 32, None, "reader", system="all"),
    "dommanager": person("8" * 32, None, "manager", "member", "reader", on="default"),
    "sysadmin": person("7" * 32, None, "admin", "manager", "member", "reader", system="all"),
    "admin": person("0" * 32, "4" * 32, "admin", "member", "reader"),
}
# What stands for the variables of a path: the member's own where the caller's is compared, nobody's else.
KNOWN = {"project_id": RED, "user_id": MEMBER, "domain_id": "default"}
NOBODYS = "00000000-0000-4000-8000-0000000000ff"
UNAUTHENTICATED, REFUSED, PAST = "-", "x", "+"


class Nowhere:
    """A bus without a broker."""

    def send(self, *arguments: Any) -> Any:
        raise Unavailable("There is no broker.")


@dataclass(frozen=True)
class Cell:
    service: str
    route: Route

    @property
    def name(self) -> str:
        return f"{self.service} {self.route.method} {self.route.path} {self.route.action or ''}".strip()

    @property
    def mutating(self) -> bool:
        return self.route.method not in ("GET", "HEAD")

    @property
    def path(self) -> str:
        filled = self.route.path.replace("os-quota-sets/<id>", f"os-quota-sets/{RED}")
        return re.sub(r"<(\w+)>", lambda match: KNOWN.get(match[1], NOBODYS), filled)


@dataclass(frozen=True)
class Matrix:
    """The applications, and what each says to whom."""

    database: Database
    clients: dict[str, Client]
    cells: tuple[Cell, ...]

    def ask(self, cell: Cell, who: str, path: str | None = None, **headers: str) -> int:
        """The status of the request; ``path`` is what the server sees, after its own decoding of the URL."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        method = sent.pop("method", cell.route.method)
        if PERSONAS[who] is not None:
            sent["X-Auth-Token"] = who
        version = cell.route.since  # without one a request is of the oldest version
        if version:
            sent["OpenStack-API-Version"] = f"{cell.service} {version}"
        body = {cell.route.action: {"wrong": "shape"}} if cell.route.action else {"wrong": "shape"}
        answer = self.clients[cell.service].open(
            cell.path, method=method, headers=sent, json=None if method in ("GET", "HEAD") else body,
            environ_overrides={"PATH_INFO": path} if path else {},
        )  # fmt: skip
        return answer.status_code

    def table(self) -> str:
        """The text of policy_matrix.txt."""
        head = ["# Who gets past the first gate of which route: - is 401, x is 403, + is past.", "#"]
        width = max(len(cell.name) for cell in self.cells)
        lines = [f"{'#':{width}} " + " ".join(PERSONAS)]
        for cell in self.cells:
            signs = (f"{sign(self.ask(cell, who)):^{len(who)}}" for who in PERSONAS)
            lines.append(f"{cell.name:{width}} {' '.join(signs)}".rstrip())
        return "\n".join([*head, *lines]) + "\n"


def sign(status: int) -> str:
    assert status < 500 or status == 503, f"{status}: a defect, or the broker was really asked"
    return {401: UNAUTHENTICATED, 403: REFUSED}.get(status, PAST)


def protected() -> Iterator[Cell]:
    for service in SERVICES:
        for route in collect(f"iaas.api.{service}"):
            if not route.public:
                yield Cell(service, route)


def authenticate(token: str) -> Context:
    found = PERSONAS.get(token)
    if found is None:
        raise Unauthenticated("The request you have made requires authentication.")
    return found


def make_matrix(database: Database, directory: Path) -> Matrix:
    services = _services(database, directory)
    clients = {}
    for name in SERVICES:
        dialect = importlib.import_module(f"iaas.api.{name}.dialect").DIALECT
        routes = collect(f"iaas.api.{name}")
        clients[name] = Client(make_app(dialect, routes, services[name], Policy(rules_of(name)), authenticate))
    return Matrix(database, clients, tuple(protected()))


def _services(database: Database, directory: Path) -> dict[str, Any]:
    auth = sections.Auth(key_repository=str(directory / "keys"), bcrypt_rounds=4)
    conductor, hosts = ConductorRpc(Nowhere()), ComputeRpc(Nowhere())
    settings = Settings()
    volume = VolumeServices(database=database, conductor=conductor)
    compute = Compute(
        database=database,
        image=ImageFacade(),
        network=NetworkFacade(settings),
        conductor=conductor,
        hosts=hosts,
        volume=VolumeFacade(volume),
    )
    return {
        "identity": IdentityServices.open(database, auth),
        "image": make(database, sections.Image(directory=str(directory / "store"))),
        "compute": compute,
        "network": NetworkServices(database=database, settings=settings),
        "volume": volume,
    }
