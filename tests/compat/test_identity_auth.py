"""Unmodified keystoneauth plug-ins and openstacksdk: every way to log in, and everything that is handed on."""

from __future__ import annotations

import base64
import threading
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import session as ks
from keystoneauth1.identity import v3
from openstack import exceptions

from iaas.db.identity.nouns import USERS
from iaas.db.schema.identity_credentials import signatures
from tests.compat.cloud import ADMIN, ON_ADMIN, Cloud

SEED = b"twenty bytes of seed"


def code() -> str:
    return TOTP(SEED, 6, SHA1(), 30, enforce_key_length=False).generate(int(time.time())).decode()


def get(auth: Any) -> Any:
    return auth.get_access(ks.Session())


@pytest.fixture(scope="module")
def person(cloud: Cloud) -> dict[str, Any]:
    """A user of its own project, whose options the tests change."""
    identity = cloud.sdk().identity
    project = identity.create_project(name="person", domain_id="default")
    user = identity.create_user(name="person", domain_id="default", password="secret")
    [member] = identity.roles(name="member")
    identity.assign_project_role_to_user(project, user, member)
    return {"user_id": user.id, "project_id": project.id, "password": "secret"}


def test_an_application_credential_of_the_sdk_logs_in_by_id_and_by_name(cloud: Cloud) -> None:
    """S-036: the SDK makes, finds, lists and deletes it, and keystoneauth logs in with it."""
    identity = cloud.sdk().identity
    [admin] = identity.users(name="admin")
    rules = [{"service": "identity", "method": "GET", "path": "/v3/users/*"}]
    made = identity.create_application_credential(admin.id, "sdk", roles=[{"name": "reader"}], access_rules=rules)
    assert identity.find_application_credential(admin.id, "sdk").id == made.id
    assert [item.name for item in identity.application_credentials(admin.id)] == ["sdk"]
    assert identity.get_application_credential(admin.id, made.id).access_rules[0]["path"] == "/v3/users/*"
    ways: list[dict[str, Any]] = [
        {"application_credential_id": made.id},
        {"application_credential_name": "sdk", "username": "admin", "user_domain_name": "Default"},
    ]
    for way in ways:
        auth = v3.ApplicationCredential(auth_url=cloud.url, application_credential_secret=made.secret, **way)
        access = get(auth)
        assert access.application_credential_id == made.id
        assert access.application_credential_access_rules[0]["service"] == "identity"
        assert (access.project_name, access.role_names) == ("admin", ["reader"])
        session = ks.Session(auth=auth)
        assert session.get(f"{cloud.url}/v3/users/{admin.id}").status_code == 200
        with pytest.raises(ks_exceptions.Unauthorized):
            session.get(f"{cloud.url}/v3/projects")
    [rule] = identity.access_rules(admin.id)
    with pytest.raises(exceptions.ForbiddenException):
        identity.delete_access_rule(admin.id, rule.id)
    identity.delete_application_credential(admin.id, made.id, ignore_missing=False)
    identity.delete_access_rule(admin.id, rule.id, ignore_missing=False)
    with pytest.raises(ks_exceptions.Unauthorized):
        get(v3.ApplicationCredential(
            auth_url=cloud.url, application_credential_id=made.id, application_credential_secret=made.secret
        ))  # fmt: skip


def test_a_trust_of_the_sdk_scopes_a_token_of_its_trustee(cloud: Cloud, person: dict[str, Any]) -> None:
    """S-037: and the trust's end is the token's."""
    identity = cloud.sdk().identity
    [admin], [project] = identity.users(name="admin"), identity.projects(name="admin")
    trust = identity.create_trust(trustor_user_id=admin.id, trustee_user_id=person["user_id"], impersonation=True,
                                  project_id=project.id, roles=[{"name": "reader"}])  # fmt: skip
    access = get(v3.Password(auth_url=cloud.url, user_id=person["user_id"], password="secret", trust_id=trust.id))
    assert access.trust_scoped and access.trust_id == trust.id
    assert (access.trustor_user_id, access.trustee_user_id) == (admin.id, person["user_id"])
    assert (access.username, access.project_name, access.role_names) == ("admin", "admin", ["reader"])
    assert [item.id for item in identity.trusts(trustor_user_id=admin.id)] == [trust.id]
    identity.delete_trust(trust, ignore_missing=False)
    with pytest.raises(ks_exceptions.Unauthorized):
        get(v3.Password(auth_url=cloud.url, user_id=person["user_id"], password="secret", trust_id=trust.id))


def test_totp_and_several_methods_at_once_and_one_after_another(cloud: Cloud, person: dict[str, Any]) -> None:
    """keystoneauth's TOTP and MultiFactor, and its receipts."""
    who, seed = person["user_id"], base64.b32encode(SEED).decode()
    session = cloud.session(user_id=who, username=None, user_domain_name=None, password="secret",
                            project_id=person["project_id"])  # fmt: skip
    body = {"credential": {"type": "totp", "blob": seed, "user_id": who}}
    assert session.post(f"{cloud.url}/v3/credentials", json=body).status_code == 201
    spent = code()
    access = get(v3.TOTP(auth_url=cloud.url, user_id=who, passcode=spent, project_id=person["project_id"]))
    assert access.project_id == person["project_id"]
    options = {"multi_factor_auth_enabled": True, "multi_factor_auth_rules": [["password", "totp"]]}
    cloud.database.run(lambda tx: USERS.update(tx, who, {"options": options}))
    with pytest.raises(ks_exceptions.MissingAuthMethods) as caught:
        get(v3.Password(auth_url=cloud.url, user_id=who, password="secret"))
    assert caught.value.methods == ["password"]
    assert caught.value.required_auth_methods == [["password", "totp"]]
    cloud.database.run(_forget_codes)
    methods = ["v3password", "v3totp"]
    both = v3.MultiFactor(cloud.url, methods, user_id=who, password="secret", passcode=code())
    assert get(both).user_id == who
    cloud.database.run(_forget_codes)
    rest = v3.TOTPMethod(user_id=who, passcode=code(), username=None, user_domain_id=None, user_domain_name=None)
    later = v3.Auth(cloud.url, [rest])
    later.add_method(v3.ReceiptMethod(receipt=caught.value.receipt))
    assert get(later).user_id == who


def _forget_codes(tx: Any) -> None:
    """A code is good once in half a minute, and a test does not wait."""
    tx.delete(signatures, signatures.c.digest != "")


def test_two_daemons_agree_within_a_second(cloud: Cloud) -> None:
    """S-030: what one revokes, the other refuses; both are real HTTP servers with memories of their own."""
    other = cloud.twin()
    session = cloud.session()
    identity = cloud.sdk().identity
    [admin] = identity.users(name="admin")
    made = identity.create_application_credential(admin.id, "twin")
    auth = v3.ApplicationCredential(
        auth_url=other, application_credential_id=made.id, application_credential_secret=made.secret
    )
    robot, mine = get(auth).auth_token, get(v3.Password(auth_url=cloud.url, **ADMIN, **ON_ADMIN)).auth_token

    def status(url: str, token: str) -> int:
        headers = {"X-Auth-Token": token}
        code: int = ks.Session().get(f"{url}/v3/auth/projects", headers=headers, raise_exc=False).status_code
        return code

    assert {status(url, token) for url in (cloud.url, other) for token in (robot, mine)} == {200}
    identity.delete_application_credential(admin.id, made.id, ignore_missing=False)
    session.delete(f"{other}/v3/auth/tokens", headers={"X-Subject-Token": mine})
    deadline = time.monotonic() + 10
    while {status(url, token) for url in (cloud.url, other) for token in (robot, mine)} != {401}:
        assert time.monotonic() < deadline, "a daemon still lets a dead token in"
        threading.Event().wait(0.1)
