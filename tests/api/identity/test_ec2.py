"""Pairs of access key and secret, and the exchange of a signed request for a token."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from keystoneclient.contrib.ec2.utils import Ec2Signer
from werkzeug.test import TestResponse

from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.errors import Forbidden
from iaas.identity.credentials.signature import SignedRequest
from iaas.identity.service import IdentityServices
from iaas.model.project import Project
from tests.api.identity.world import PASSWORD, Case, World, at
from tests.unit.identity import people

PAIRS = "/users/{member}/credentials/OS-EC2"


@pytest.fixture
def pair(world: World) -> dict[str, Any]:
    """The member's pair on the project ``ours``; its access key is the world's ``a``."""
    made = made_pair(world, "member", "ours")
    world.ids["a"] = made["access"]
    return made


def made_pair(world: World, who: str, project: str | None) -> dict[str, Any]:
    body = {"tenant_id": project and world.ids[project]}
    answer = world.request(who, "POST", f"/users/{{{who}}}/credentials/OS-EC2", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = at(answer.json, "credential")
    return found


def signed(world: World, pair: dict[str, Any], access: str = "", **changes: str) -> dict[str, Any]:
    """What a front end hands in of a request that the pair signs now, by the stock signer."""
    params = {
        "Action": "DescribeInstances", "AWSAccessKeyId": access or pair["access"], "SignatureVersion": "2",
        "SignatureMethod": "HmacSHA256", "Timestamp": world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"), **changes,
    }  # fmt: skip
    request = {"verb": "GET", "host": "ec2.example:8773", "path": "/services/Cloud", "params": params}
    signature = Ec2Signer(pair["secret"]).generate(dict(request))
    return {**request, "access": access or pair["access"], "signature": signature, "headers": {}, "body_hash": ""}


def exchange(world: World, request: dict[str, Any], who: str = "service", name: str = "ec2Credentials") -> TestResponse:
    return world.request(who, "POST", "/ec2tokens", {name: request})


def test_a_pair_is_made_shown_listed_and_deleted(world: World, pair: dict[str, Any]) -> None:
    assert pair["user_id"] == world.ids["member"]
    assert pair["tenant_id"] == world.ids["ours"]
    assert len(pair["secret"]) == 64
    assert pair["links"]["self"].endswith(f"/v3/users/{world.ids['member']}/credentials/OS-EC2/{pair['access']}")
    for case in (
        Case("member", "GET", PAIRS, 200, has=(("credentials.*.access", ["{a}"]),)),
        Case("member", "GET", PAIRS + "/{a}", 200, has=(("credential.secret", pair["secret"]),)),
        Case("member", "GET", "/credentials?type=ec2", 200, has=(("credentials.#", 1),)),
        Case("admin", "GET", PAIRS + "/{a}", 200),
        Case("member", "GET", PAIRS + "/unknown", 404),
        Case("member", "DELETE", PAIRS + "/{a}", 204),
        Case("member", "DELETE", PAIRS + "/{a}", 404),
        Case("member", "GET", PAIRS, 200, has=(("credentials", []),)),
    ):
        world.run(case)


def test_nobody_else_has_to_do_with_a_users_pairs(world: World, pair: dict[str, Any]) -> None:
    """S-038: by every verb, and by somebody else's path to the right key."""
    before = world.state()
    for case in (
        Case("stranger", "GET", PAIRS, 403),
        Case("stranger", "POST", PAIRS, 403, {"tenant_id": "{theirs}"}),
        Case("stranger", "GET", PAIRS + "/{a}", 403),
        Case("stranger", "DELETE", PAIRS + "/{a}", 403),
        Case("stranger", "GET", "/users/{stranger}/credentials/OS-EC2/{a}", 404),
        Case("stranger", "DELETE", "/users/{stranger}/credentials/OS-EC2/{a}", 404),
        Case("member", "POST", PAIRS, 404, {"tenant_id": "{theirs}"}),
        Case("member", "POST", PAIRS, 404, {"tenant_id": "f" * 32}),
        Case("admin", "POST", "/users/nobody/credentials/OS-EC2", 404, {"tenant_id": "{ours}"}),
        Case("system_reader", "DELETE", PAIRS + "/{a}", 403),
    ):
        world.run(case)
    assert world.state() == before


@pytest.mark.parametrize("name", ["credentials", "credential", "ec2Credentials"])
def test_a_signed_request_is_exchanged_for_a_token_of_its_signer(world: World, pair: dict[str, Any], name: str) -> None:
    answer = exchange(world, signed(world, pair), name=name)
    assert answer.status_code == 200, answer.text
    token = at(answer.json, "token")
    assert (token["user"]["id"], token["project"]["id"]) == (world.ids["member"], world.ids["ours"])
    assert token["methods"] == ["ec2credential"]
    assert {role["name"] for role in token["roles"]} == {"member", "reader"}
    assert {entry["type"] for entry in token["catalog"]} == {"identity", "compute"}
    context = world.facade.authenticate(answer.headers["X-Subject-Token"])
    assert (context.user_id, context.project_id) == (world.ids["member"], world.ids["ours"])


def test_only_a_service_may_exchange(world: World, pair: dict[str, Any]) -> None:
    """S-039 (CVE-2025-65073): whoever captured a request gets nothing for it."""
    request = signed(world, pair)
    assert exchange(world, request, "nobody").status_code == 401
    for who in ("member", "stranger", "unscoped", "system_reader"):
        assert exchange(world, request, who).status_code == 403
    assert exchange(world, request).status_code == 200


def test_a_request_is_exchanged_once(world: World, pair: dict[str, Any]) -> None:
    """S-039: captured and sent again, twice."""
    request = signed(world, pair)
    assert exchange(world, request).status_code == 200
    for _ in range(2):
        again = exchange(world, request)
        assert again.status_code == 403
        assert "used before" in again.text
    world.clock.advance(1)
    assert exchange(world, signed(world, pair)).status_code == 200


def test_of_several_daemons_that_get_a_request_at_once_one_takes_it(world: World, pair: dict[str, Any]) -> None:
    """S-039: what was seen is known to all daemons of the database, not to each its own."""
    auth = Auth(key_repository=str(world.services.keys._directory), bcrypt_rounds=4)
    database = str(world.services.database.engine.url)
    daemons = [IdentityServices.open(Database(database, clock=world.clock), auth) for _ in range(3)]
    request = SignedRequest(**signed(world, pair))

    def ask(daemon: IdentityServices) -> str:
        try:
            return daemon.ec2.exchange(request).access.user.id
        except Forbidden:
            return "refused"

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, daemons))
    for daemon in daemons:
        daemon.database.close()
    assert sorted(answers) == sorted([world.ids["member"], "refused", "refused"])


def test_used_signatures_are_forgotten_when_they_are_too_old_to_be_accepted(world: World, pair: dict[str, Any]) -> None:
    for _ in range(3):
        assert exchange(world, signed(world, pair)).status_code == 200
        world.clock.advance(16 * 60)
        world.tokens["service"] = world.facade.service_token()
    assert len(world.state()["identity_signatures"]) == 1


@pytest.mark.parametrize(("seconds", "status"), [(-901, 401), (-899, 200), (0, 200), (899, 200), (901, 401)])
def test_a_request_is_good_for_a_quarter_of_an_hour(
    world: World, pair: dict[str, Any], seconds: int, status: int
) -> None:
    """S-039: neither later, nor so much earlier that it could be kept."""
    world.clock.advance(1000)
    moment = world.clock.now() - timedelta(seconds=seconds)
    request = signed(world, pair, Timestamp=moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert exchange(world, request).status_code == status


@pytest.mark.parametrize(
    "change",
    [
        {"signature": "AAAA"},
        {"signature": ""},
        {"access": "unknown"},
        {"host": "evil.example"},
        {"path": "/services/Admin"},
        {"verb": "POST"},
        {"params": {"SignatureVersion": "2"}},
        {"params": {}},
    ],
    ids=str,
)
def test_a_wrong_signature_an_altered_request_and_an_unknown_key_are_the_same_401(
    world: World, pair: dict[str, Any], change: dict[str, Any]
) -> None:
    answer = exchange(world, {**signed(world, pair), **change})
    assert answer.status_code == 401
    assert at(answer.json, "error.message") == "The request you have made requires authentication."


@pytest.mark.parametrize("body", [{}, {"credentials": []}, {"credentials": {"access": 5, "signature": "x"}}], ids=str)
def test_another_shape_is_400(world: World, body: dict[str, Any]) -> None:
    world.run(Case("service", "POST", "/ec2tokens", 400, body))


def test_the_project_may_be_named_after_the_key(world: World, pair: dict[str, Any]) -> None:
    """A-093: KEY:project_id acts there, if the user has a role there."""
    second = people.project(world.services, "second")
    [member] = world.services.users.page({"name": "member"})
    people.give(world.services, "reader", member, second)
    answer = exchange(world, signed(world, pair, f"{pair['access']}:{second.id}"))
    assert answer.status_code == 200, answer.text
    assert at(answer.json, "token.project.id") == second.id
    assert exchange(world, signed(world, pair, f"{pair['access']}:{world.ids['theirs']}")).status_code == 401
    assert exchange(world, signed(world, pair, f"{pair['access']}:unknown")).status_code == 401
    appended = {**signed(world, pair), "access": f"{pair['access']}:{second.id}"}
    assert exchange(world, appended).status_code == 401  # a suffix that was not signed


def test_a_pair_without_a_project_acts_in_the_one_with_the_users_id(world: World) -> None:
    """A-094; without such a project it is a clean refusal."""
    pair = made_pair(world, "member", None)
    assert pair["tenant_id"] is None
    assert exchange(world, signed(world, pair)).status_code == 401
    own = Project(id=world.ids["member"], domain_id="default", parent_id="default", name="own")
    world.services.projects.create(own)
    [member] = world.services.users.page({"name": "member"})
    people.give(world.services, "member", member, own)
    world.clock.advance(1)
    answer = exchange(world, signed(world, pair))
    assert answer.status_code == 200, answer.text
    assert at(answer.json, "token.project.id") == world.ids["member"]


def issued(world: World, pair: dict[str, Any]) -> str:
    answer = exchange(world, signed(world, pair))
    assert answer.status_code == 200, answer.text
    return str(answer.headers["X-Subject-Token"])


ENDS: dict[str, tuple[str, str, Any]] = {
    "the pair is deleted": ("DELETE", PAIRS + "/{a}", None),
    "the credential is deleted": ("DELETE", "/credentials/{c}", None),
    "its secret is changed": ("PATCH", "/credentials/{c}", {"credential": {"blob": '{"access":"{a}","secret":"s"}'}}),
    "it is given to somebody else": ("PATCH", "/credentials/{c}", {"credential": {"user_id": "{stranger}"}}),
    "the user is disabled": ("PATCH", "/users/{member}", {"user": {"enabled": False}}),
    "the password is changed": ("PATCH", "/users/{member}", {"user": {"password": "another"}}),
    "the user is deleted": ("DELETE", "/users/{member}", None),
    "the project is disabled": ("PATCH", "/projects/{ours}", {"project": {"enabled": False}}),
    "the role is taken away": ("DELETE", "/projects/{ours}/users/{member}/roles/{role_member}", None),
}


@pytest.mark.parametrize("event", ENDS)
def test_a_token_ends_with_what_it_was_given_for(world: World, pair: dict[str, Any], event: str) -> None:
    """S-030"""
    world.tokens["ec2"] = issued(world, pair)
    answer = world.run(Case("member", "GET", "/credentials", 200, has=(("credentials.#", 1),)))
    world.ids["c"] = at(answer.json, "credentials.0.id")
    world.run(Case("ec2", "GET", "/auth/projects", 200))
    method, path, body = ENDS[event]
    assert world.request("admin", method, path, body).status_code in (200, 204)
    world.clock.advance(1)
    world.run(Case("ec2", "GET", "/auth/projects", 401))


def test_a_token_of_a_pair_makes_no_credentials_and_no_other_token(world: World, pair: dict[str, Any]) -> None:
    """S-036: what was signed once must not live on as something that logs in."""
    world.tokens["ec2"] = issued(world, pair)
    before = world.state()
    blob = {"user_id": "{member}", "type": "totp", "blob": "JBSWY3DPEHPK3PXP"}
    for case in (
        Case("ec2", "POST", PAIRS, 403, {"tenant_id": "{ours}"}),
        Case("ec2", "DELETE", PAIRS + "/{a}", 403),
        Case("ec2", "POST", "/credentials", 403, {"credential": blob}),
        Case("ec2", "POST", "/users/{member}/application_credentials", 403, {"application_credential": {"name": "x"}}),
        Case("ec2", "POST", "/OS-TRUST/trusts", 403, {"trust": {
            "trustor_user_id": "{member}", "trustee_user_id": "{stranger}", "project_id": "{ours}",
            "impersonation": False, "roles": [{"name": "member"}]}}),
        Case("nobody", "POST", "/auth/tokens", 403, {"auth": {
            "identity": {"methods": ["token"], "token": {"id": world.tokens["ec2"]}},
            "scope": {"project": {"id": "{ours}"}}}}),
    ):  # fmt: skip
        world.run(case)
    assert world.state() == before


def test_no_secret_reaches_the_log(world: World, pair: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """S-123: at DEBUG, of a request that is accepted and of one that is not."""
    caplog.set_level(logging.DEBUG)
    request = signed(world, pair)
    exchange(world, {**request, "host": "evil.example"})
    token = exchange(world, request).headers["X-Subject-Token"]
    world.run(Case("member", "GET", PAIRS + "/{a}", 200))
    for secret in (pair["secret"], request["signature"], token):
        assert secret not in caplog.text
        assert secret not in repr(world.state())


def test_a_signature_opens_no_other_users_key(world: World) -> None:
    first, second = made_pair(world, "member", "ours"), made_pair(world, "stranger", "theirs")
    assert exchange(world, {**signed(world, first), "access": second["access"]}).status_code == 401
    assert exchange(world, signed(world, {**first, "access": second["access"]})).status_code == 401


# Application credentials ------------------------------------------------------------------------------------------


def app_token(world: World, unrestricted: bool, **fields: Any) -> None:
    """The persona ``app``: the member by an application credential, whose id is the world's ``app_cred``."""
    body = {"application_credential": {"name": "robot", "unrestricted": unrestricted, **fields}}
    answer = world.request("member", "POST", "/users/{member}/application_credentials", body)
    assert answer.status_code == 201, answer.text
    made = at(answer.json, "application_credential")
    world.ids["app_cred"] = made["id"]
    secret = {"id": made["id"], "secret": made["secret"]}
    login = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": secret}}}
    answer = world.request("nobody", "POST", "/auth/tokens", login)
    assert answer.status_code == 201, answer.text
    world.tokens["app"] = answer.headers["X-Subject-Token"]


def test_a_restricted_application_credential_manages_no_credentials(world: World, pair: dict[str, Any]) -> None:
    """S-036: neither makes them, nor changes nor takes away what is there."""
    app_token(world, unrestricted=False)
    world.ids["c"] = at(world.run(Case("member", "GET", "/credentials", 200)).json, "credentials.0.id")
    before = world.state()
    blob = {"user_id": "{member}", "type": "totp", "blob": "JBSWY3DPEHPK3PXP"}
    for case in (
        Case("app", "GET", PAIRS, 200),
        Case("app", "POST", PAIRS, 403, {"tenant_id": "{ours}"}),
        Case("app", "DELETE", PAIRS + "/{a}", 403),
        Case("app", "POST", "/credentials", 403, {"credential": blob}),
        Case("app", "PATCH", "/credentials/{c}", 403, {"credential": {"blob": '{"access": "{a}", "secret": "x"}'}}),
        Case("app", "DELETE", "/credentials/{c}", 403),
    ):
        world.run(case)
    assert world.state() == before


def trust_token(world: World) -> None:
    """``trustee``: the stranger in the name of the member."""
    trust = {"trustor_user_id": "{member}", "trustee_user_id": "{stranger}", "project_id": "{ours}",
             "impersonation": True, "roles": [{"name": "member"}]}  # fmt: skip
    made = world.run(Case("member", "POST", "/OS-TRUST/trusts", 201, {"trust": trust}))
    identity = {"methods": ["password"], "password": {"user": {"id": world.ids["stranger"], "password": PASSWORD}}}
    scope = {"OS-TRUST:trust": {"id": at(made.json, "trust.id")}}
    answer = world.request("nobody", "POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
    assert answer.status_code == 201, answer.text
    world.tokens["trustee"] = answer.headers["X-Subject-Token"]


def test_a_trust_manages_no_credentials(world: World, pair: dict[str, Any]) -> None:
    """S-036: not even with impersonation."""
    trust_token(world)
    before = world.state()
    for case in (
        Case("trustee", "POST", PAIRS, 403, {"tenant_id": "{ours}"}),
        Case("trustee", "DELETE", PAIRS + "/{a}", 403),
        Case("trustee", "POST", "/credentials", 403, {"credential": {
            "user_id": "{member}", "type": "totp", "blob": "JBSWY3DPEHPK3PXP"}}),
    ):  # fmt: skip
        world.run(case)
    assert world.state() == before


@pytest.mark.parametrize("who", ["restricted", "unrestricted", "trustee"])
def test_no_delegated_token_reads_secrets_that_can_do_more_than_it(
    world: World, pair: dict[str, Any], who: str
) -> None:
    """S-036, S-037: the pair is its user's, on whatever project; a seed opens the user's own login."""
    seed = {"user_id": "{member}", "type": "totp", "blob": "JBSWY3DPEHPK3PXP"}
    world.ids["seed"] = at(world.run(Case("member", "POST", "/credentials", 201, {"credential": seed})).json,
                           "credential.id")  # fmt: skip
    world.ids["c"] = at(world.run(Case("member", "GET", "/credentials?type=ec2", 200)).json, "credentials.0.id")
    if who == "trustee":
        trust_token(world)
    else:
        app_token(world, unrestricted=who == "unrestricted")
    token = "trustee" if who == "trustee" else "app"
    for case in (
        Case(token, "GET", "/credentials", 200, has=(("credentials.#", 0),)),
        Case(token, "GET", PAIRS, 200, has=(("credentials.#", 0),)),
        Case(token, "GET", "/credentials/{c}", 404),
        Case(token, "GET", "/credentials/{seed}", 404),
        Case(token, "GET", PAIRS + "/{a}", 404),
    ):
        world.run(case)
    if who == "unrestricted":  # its own it sees, and no other one it changes
        change = {"credential": {"blob": '{"access": "{a}", "secret": "x"}'}}
        world.run(Case("app", "PATCH", "/credentials/{c}", 404, change))
        world.run(Case("app", "DELETE", PAIRS + "/{a}", 404))
        own = world.run(Case("app", "POST", PAIRS, 201, {"tenant_id": "{ours}"}))
        world.run(Case("app", "GET", PAIRS, 200, has=(("credentials.*.access", [at(own.json, "credential.access")]),)))
    for case in (
        Case("member", "GET", "/credentials?limit=1", 200, has=(("credentials.#", 1),)),
        Case("member", "GET", PAIRS + "/{a}", 200),
    ):
        world.run(case)


def test_what_an_unrestricted_application_credential_makes_is_bound_to_it(world: World) -> None:
    """S-036, S-030: a pair of it has its rights, is for its project, and ends with it."""
    app_token(world, unrestricted=True)
    answer = world.run(Case("app", "POST", PAIRS, 201, {"tenant_id": "{ours}"}))
    pair = at(answer.json, "credential")
    [item] = world.services.credentials.page({})
    assert f'"app_cred_id": "{world.ids["app_cred"]}"' in item.blob
    world.ids["c"] = item.id
    unbound = {"credential": {"blob": f'{{"access": "{pair["access"]}", "secret": "{pair["secret"]}"}}'}}
    world.run(Case("member", "PATCH", "/credentials/{c}", 400, unbound))
    second = people.project(world.services, "second")
    [member] = world.services.users.page({"name": "member"})
    people.give(world.services, "member", member, second)
    world.ids["second"] = second.id
    world.run(Case("app", "POST", PAIRS, 403, {"tenant_id": "{second}"}))
    assert exchange(world, signed(world, pair, f"{pair['access']}:{second.id}")).status_code == 401
    world.tokens["ec2"] = issued(world, pair)
    context = world.facade.authenticate(world.tokens["ec2"])
    assert (context.application_credential_id, context.restricted) == (world.ids["app_cred"], True)
    world.run(Case("member", "DELETE", "/users/{member}/application_credentials/{app_cred}", 204))
    world.clock.advance(1)
    world.run(Case("ec2", "GET", "/auth/projects", 401))
    assert exchange(world, signed(world, pair)).status_code == 401
