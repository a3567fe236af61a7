"""Roles decide, at once: what a token may do is what its user's roles are now."""

from __future__ import annotations

from iaas.api.app import make_app
from iaas.api.network.dialect import DIALECT
from iaas.api.network.rules import RULES
from iaas.api.policy import Policy
from iaas.network.service import NetworkServices
from iaas.network.settings import Settings
from tests.api.identity.world import PASSWORD, World
from tests.api.network.conftest import ROUTES


def test_a_role_that_is_taken_away_takes_its_calls_with_it(world: World) -> None:
    """A-090, A-091: without a role there is no token for the project; with one there is; without the role that the
    call needs, the same token gets 403; without any, 401."""
    services = NetworkServices(database=world.services.database, settings=Settings())
    policy = Policy.of_routes(ROUTES, RULES)
    network = make_app(DIALECT, ROUTES, services, policy, world.facade.authenticate).test_client()
    user = world.make("user", name="ann", password=PASSWORD)
    grants = f"/projects/{{ours}}/users/{user}/roles"
    who = {"identity": {"methods": ["password"], "password": {"user": {"id": user, "password": PASSWORD}}}}
    login = {"auth": {**who, "scope": {"project": {"id": "{ours}"}}}}
    assert world.request("nobody", "POST", "/auth/tokens", login).status_code == 401
    for role in ("reader", "member"):
        assert world.request("admin", "PUT", f"{grants}/{{role_{role}}}").status_code == 204
    token = world.request("nobody", "POST", "/auth/tokens", login).headers["X-Subject-Token"]

    def create() -> int:
        body = {"network": {"name": "n"}}
        return network.post("/v2.0/networks", headers={"X-Auth-Token": token}, json=body).status_code

    assert create() == 201
    assert world.request("admin", "DELETE", f"{grants}/{{role_member}}").status_code == 204
    world.clock.advance(1.1)
    if (status := create()) != 403:
        assert status == 401, "the token may have ended with the role"
        token = world.request("nobody", "POST", "/auth/tokens", login).headers["X-Subject-Token"]
        assert create() == 403
    assert network.get("/v2.0/networks", headers={"X-Auth-Token": token}).status_code == 200
    assert world.request("admin", "DELETE", f"{grants}/{{role_reader}}").status_code == 204
    world.clock.advance(1.1)
    assert network.get("/v2.0/networks", headers={"X-Auth-Token": token}).status_code == 401
    assert world.request("nobody", "POST", "/auth/tokens", login).status_code == 401
