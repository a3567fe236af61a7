"""The operator's edit of the seed: only administrators allocate public addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iaas.api.app import make_app
from iaas.api.network.dialect import DIALECT
from iaas.api.network.rules import RULES
from iaas.api.policy import Policy
from iaas.network.service import NetworkServices
from tests.api.network.conftest import ROUTES, Api, authenticate


@pytest.mark.parametrize("name", ["create_floatingip", "network:allocate_floating_ip"])
@pytest.mark.parametrize("file", ["policy.json", "policy.yaml", "policy.d/10-addresses.yaml"])
def test_a_member_allocates_an_address_until_the_operator_says_role_admin(
    make_api: Callable[..., Api], tmp_path: Path, name: str, file: str
) -> None:
    """A-100, A-101: a member may by default; the file is read without a restart; so is its going away."""
    api = make_api()
    services = NetworkServices(database=api.database, settings=api.settings)
    policy = Policy.of_routes(ROUTES, RULES, str(tmp_path / "policy.yaml"))
    api.client = make_app(DIALECT, ROUTES, services, policy, authenticate).test_client()
    outside = api.network("admin", **{"router:external": True})
    api.subnet(outside["id"], "admin", cidr="203.0.113.0/24", enable_dhcp=False)

    def allocate(persona: str) -> int:
        return api.call(persona, "POST", "/v2.0/floatingips", {"floatingip": {"floating_network_id": outside["id"]}})[0]

    assert allocate("alice") == 201
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{{"{name}": "role:admin"}}')
    assert allocate("alice") == 403
    assert allocate("admin") == 201
    path.unlink()
    assert allocate("alice") == 201
