"""Credentials, EC2 pairs, limits, policies and endpoint filters by the stock clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer
from openstack import exceptions

from iaas.clock import SystemClock
from tests.compat.cloud import Cloud


@pytest.fixture(scope="module")
def identity(cloud: Cloud) -> Iterator[Any]:
    connection = cloud.sdk()
    yield connection.identity
    connection.close()


def test_the_openstack_command_keeps_credentials_pairs_and_limits(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "policy").write_text("{}")
    (tmp_path / "filters").write_text('{"interface": "public"}')
    made, credentials, pair, pairs, default, defaults, limit, limits, policy, policies, group, groups = cloud.cli_many(
        "credential create --type cert --project admin admin certificate",
        "credential list --type cert",
        "ec2 credentials create",
        "ec2 credentials list",
        "registered limit create --service identity --default-limit 10 --region RegionOne widgets",
        "registered limit list",
        "limit create --project admin --service identity --resource-limit 5 --region RegionOne widgets",
        "limit list",
        f"policy create --type text/plain {tmp_path}/policy",
        "policy list",
        f"endpoint group create public {tmp_path}/filters",
        "endpoint group list",
    )
    assert made["blob"] == "certificate"
    assert [row["ID"] for row in credentials] == [made["id"]]
    assert pair["trust_id"] is None
    assert [row["Access"] for row in pairs] == [pair["access"]]
    assert (default["default_limit"], [row["ID"] for row in defaults]) == (10, [default["id"]])
    assert (limit["resource_limit"], [row["ID"] for row in limits]) == (5, [limit["id"]])
    assert (policy["type"], [row["ID"] for row in policies]) == ("text/plain", [policy["id"]])
    assert (group["filters"], [row["ID"] for row in groups]) == ({"interface": "public"}, [group["id"]])
    shown, again, changed, one = cloud.cli_many(
        f"credential show {made['id']}",
        f"ec2 credentials show {pair['access']}",
        f"limit set --resource-limit 7 {limit['id']}",
        f"registered limit show {default['id']}",
    )
    assert (shown["id"], again["secret"]) == (made["id"], pair["secret"])
    assert (changed["resource_limit"], one["resource_name"]) == (7, "widgets")


def test_the_sdk_keeps_credentials(cloud: Cloud, identity: Any) -> None:
    [admin] = cloud.services.users.page({"name": "admin"})
    made = identity.create_credential(user_id=admin.id, type="totp", blob="JBSWY3DPEHPK3PXP")
    assert identity.get_credential(made.id).blob == "JBSWY3DPEHPK3PXP"
    assert [item.id for item in identity.credentials(type="totp", user_id=admin.id)] == [made.id]
    assert identity.update_credential(made, blob="other").blob == "other"
    identity.delete_credential(made, ignore_missing=False)
    with pytest.raises(exceptions.NotFoundException, match="Could not find credential"):
        identity.get_credential(made.id)


def test_the_sdk_keeps_limits(cloud: Cloud, identity: Any) -> None:
    [service] = cloud.services.services.page({"type": "identity"})
    [project] = cloud.services.projects.page({"name": "admin"})
    default = identity.create_registered_limit(service_id=service.id, resource_name="gadgets", default_limit=3)
    limit = identity.create_limit(
        service_id=service.id, resource_name="gadgets", resource_limit=2, project_id=project.id
    )
    assert [item.id for item in identity.limits(resource_name="gadgets")] == [limit.id]
    assert identity.update_limit(limit, resource_limit=1).resource_limit == 1
    with pytest.raises(exceptions.ForbiddenException, match="associated"):
        identity.delete_registered_limit(default)
    identity.delete_limit(limit, ignore_missing=False)
    assert identity.update_registered_limit(default, default_limit=9).default_limit == 9
    identity.delete_registered_limit(default, ignore_missing=False)


def test_the_sdk_keeps_policies(identity: Any) -> None:
    made = identity.create_policy(type="application/json", blob=json.dumps({"a": "role:b"}))
    assert made.id in {item.id for item in identity.policies()}
    assert identity.update_policy(made, blob="{}").blob == "{}"
    identity.delete_policy(made, ignore_missing=False)


def test_a_service_exchanges_a_request_that_the_stock_signer_signed(cloud: Cloud, identity: Any) -> None:
    """As keystonemiddleware's ec2 filter asks: the service's own token, the request under ec2Credentials."""
    [admin] = cloud.services.users.page({"name": "admin"})
    [project] = cloud.services.projects.page({"name": "admin"})
    answer = identity.post(f"/users/{admin.id}/credentials/OS-EC2", json={"tenant_id": project.id})
    pair = answer.json()["credential"]
    params = {
        "Action": "DescribeInstances", "AWSAccessKeyId": pair["access"], "SignatureVersion": "2",
        "SignatureMethod": "HmacSHA256", "Timestamp": SystemClock().now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    request: dict[str, Any] = {"verb": "GET", "host": "127.0.0.1", "path": "/", "params": params}
    signature = Ec2Signer(pair["secret"]).generate(dict(request))
    body = {"ec2Credentials": {**request, "access": pair["access"], "signature": signature, "headers": {}}}
    token = cloud.identity.service_token()
    answer = identity.post("/ec2tokens", json=body, headers={"X-Auth-Token": token}, authenticated=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token"]["user"]["name"] == "admin"
    assert cloud.identity.authenticate(answer.headers["X-Subject-Token"]).project_name == "admin"
