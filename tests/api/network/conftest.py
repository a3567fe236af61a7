"""The network API in this process: real logic, SQLite, personas by token; only the agents' doorbell is a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from iaas.api.app import make_app
from iaas.api.network.dialect import DIALECT
from iaas.api.network.rules import RULES
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.context import Context
from iaas.db import services
from iaas.db.engine import Database
from iaas.errors import Unauthenticated
from iaas.network.facade import NetworkFacade
from iaas.network.service import NetworkServices
from iaas.network.settings import Settings

ROUTES = collect("iaas.api.network")
PERSONAS = {
    "admin": ("admin", "p-admin"),
    "alice": ("member", "p-alice"),
    "bob": ("member", "p-bob"),
    "rita": ("reader", "p-alice"),
    "nobody": ("member", None),
}


def context_of(persona: str) -> Context:
    role, project = PERSONAS[persona]
    return Context(request_id="", user_id=f"u-{persona}", project_id=project, roles=(role,), is_admin=role == "admin")


def authenticate(token: str) -> Context:
    if token not in PERSONAS:
        raise Unauthenticated("The request you have made requires authentication.")
    return context_of(token)


@dataclass
class Api:
    """``call(persona, method, path, body)`` gives (status, parsed body or None)."""

    database: Database
    settings: Settings
    rung: list[str]
    client: Any = field(repr=False, default=None)

    @property
    def facade(self) -> NetworkFacade:
        return NetworkFacade(self.settings)

    def call(self, persona: str | None, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"X-Auth-Token": persona} if persona else {}
        response = self.client.open(path, method=method, headers=headers, json=body)
        return response.status_code, response.get_json(silent=True)

    def do(self, persona: str, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """As call, but the status must be the usual one; gives what is inside the envelope."""
        usual = {"POST": 201, "DELETE": 204}.get(method, 200) if status is None else status
        got, answer = self.call(persona, method, path, body)
        assert got == usual, (got, answer)
        return next(iter(answer.values())) if isinstance(answer, dict) and len(answer) == 1 else answer

    def network(self, persona: str = "alice", **values: Any) -> dict[str, Any]:
        return dict(self.do(persona, "POST", "/v2.0/networks", {"network": {"name": "net", **values}}))

    def subnet(self, network_id: str, persona: str = "alice", **values: Any) -> dict[str, Any]:
        body = {"network_id": network_id, "cidr": "10.0.0.0/24", "ip_version": 4, **values}
        return dict(self.do(persona, "POST", "/v2.0/subnets", {"subnet": body}))

    def port(self, network_id: str, persona: str = "alice", **values: Any) -> dict[str, Any]:
        return dict(self.do(persona, "POST", "/v2.0/ports", {"port": {"network_id": network_id, **values}}))


@pytest.fixture
def make_api(database: Database) -> Callable[..., Api]:
    def make(options: Mapping[str, Any] | None = None, **limits: int) -> Api:
        rung: list[str] = []
        base = Settings(look=rung.append, physical={"physnet1": "br-ex"})
        settings = replace(base, limits={**base.limits, **limits}, **(options or {}))
        api = Api(database, settings, rung)
        app = make_app(
            DIALECT,
            ROUTES,
            NetworkServices(database=database, settings=settings),
            Policy.of_routes(ROUTES, RULES),
            authenticate,
        )
        api.client = app.test_client()
        return api

    return make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """One host, ``h1``, has an agent that is alive."""
    made = make_api()
    made.database.run(lambda tx: services.touch(tx, "iaas-network", "h1", "boot", 1, 1))
    return made
