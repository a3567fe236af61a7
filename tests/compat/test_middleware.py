"""keystonemiddleware's auth_token, unmodified, before a small application, against our identity API over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from keystoneauth1 import session as ks
from keystoneauth1.identity import v3
from keystonemiddleware.auth_token import AuthProtocol
from webob import Request

from iaas.db.schema.identity import users
from iaas.identity.tokens import TokenCodec, new_audit_id
from iaas.ids import new_hex
from iaas.model.role import Actor, Assignment, Target
from iaas.model.token import ON_SYSTEM, Claims, Scope
from iaas.model.user import User
from tests.compat.cloud import PASSWORD, Cloud

Ask = Callable[..., tuple[int, dict[str, str]]]


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answers what it was told about its caller."""
    start("200 OK", [("Content-Type", "application/json")])
    names = ("HTTP_X_", "HTTP_OPENSTACK_SYSTEM_SCOPE", "HTTP_WWW")
    told = {name: value for name, value in environ.items() if name.startswith(names) and value is not None}
    return [json.dumps(told).encode()]


def give(cloud: Cloud, role: str, user_id: str, kind: Target, where: str) -> None:
    [found] = cloud.services.roles.page({"name": role})
    cloud.services.assignments.grant(
        Assignment(actor_type=Actor.USER, actor_id=user_id, target_type=kind, target_id=where, role_id=found.id)
    )


@pytest.fixture(scope="module")
def service(cloud: Cloud) -> dict[str, str]:
    """A user that serves others, as the operator's manual makes it for each service."""
    user = cloud.services.users.create_with(User(id=new_hex(), domain_id="default", name="glance"), PASSWORD)
    [project] = cloud.services.projects.page({"name": "service"})
    give(cloud, "service", user.id, Target.PROJECT, project.id)
    scope = {"project_name": "service", "project_domain_name": "Default"}
    return {"username": "glance", "password": PASSWORD, "user_domain_name": "Default", **scope}


@pytest.fixture(scope="module")
def before(cloud: Cloud, service: dict[str, str]) -> Callable[..., Ask]:
    """Puts the middleware, with these further options, before the application."""

    def make(**options: Any) -> Ask:
        config = {"auth_type": "password", "auth_url": cloud.url, **service, "token_cache_time": "-1",
                  "www_authenticate_uri": cloud.url, "service_token_roles_required": True, **options}  # fmt: skip
        protocol = AuthProtocol(application, config)

        def ask(token: str | None = None, **headers: str) -> tuple[int, dict[str, str]]:
            request = Request.blank("/v1/things")
            if token is not None:
                request.headers["X-Auth-Token"] = token
            request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
            answer = request.get_response(protocol)
            return answer.status_int, answer.json if answer.status_int == 200 else dict(answer.headers)

        return ask

    return make


@pytest.fixture(scope="module")
def plain(before: Callable[..., Ask]) -> Ask:
    return before()


def sealed(cloud: Cloud, scope: Scope, ended: timedelta) -> str:
    """A token of admin that expired so long ago; issued when admin had a password, which is since just now."""
    [admin] = cloud.services.users.page({"name": "admin"})
    cloud.database.run(lambda tx: tx.update(users, users.c.id == admin.id, {"valid_after": None}))  # it may be older
    now = cloud.database.now()
    claims = Claims(user_id=admin.id, methods=("password",), scope=scope, audit_ids=(new_audit_id(),),
                    issued_at=now, expires_at=now - ended)  # fmt: skip
    return TokenCodec(cloud.services.keys).seal(claims)


def test_a_valid_token_is_confirmed_with_all_that_services_read(cloud: Cloud, plain: Ask) -> None:
    access = cloud.access()
    status, told = plain(access.auth_token)
    assert status == 200
    assert told["HTTP_X_IDENTITY_STATUS"] == "Confirmed"
    assert told["HTTP_X_USER_ID"] == access.user_id
    assert (told["HTTP_X_USER_NAME"], told["HTTP_X_USER_DOMAIN_NAME"]) == ("admin", "Default")
    assert (told["HTTP_X_PROJECT_ID"], told["HTTP_X_PROJECT_NAME"]) == (access.project_id, "admin")
    assert told["HTTP_X_PROJECT_DOMAIN_ID"] == "default"
    assert {"admin", "manager", "member", "reader"} <= set(told["HTTP_X_ROLES"].split(","))
    [identity] = [entry for entry in json.loads(told["HTTP_X_SERVICE_CATALOG"]) if entry["type"] == "identity"]
    assert identity["endpoints"][0]["publicURL"] == f"{cloud.url}/v3"


@pytest.mark.parametrize(
    ("scope", "header", "value"),
    [
        ({"domain_id": "default"}, "HTTP_X_DOMAIN_ID", "default"),
        ({"system_scope": "all"}, "HTTP_OPENSTACK_SYSTEM_SCOPE", "all"),
        ({"unscoped": True}, "HTTP_X_USER_NAME", "admin"),
    ],
    ids=["domain", "system", "unscoped"],
)
def test_tokens_of_the_other_scopes_are_told_apart(
    cloud: Cloud, plain: Ask, scope: dict[str, Any], header: str, value: str
) -> None:
    [admin] = cloud.services.users.page({"name": "admin"})
    give(cloud, "reader", admin.id, Target.DOMAIN, "default")
    status, told = plain(cloud.access(**scope).auth_token)
    assert (status, told[header]) == (200, value)
    assert "HTTP_X_PROJECT_ID" not in told


@pytest.mark.parametrize("token", [None, "", "nonsense", "gAAAAA" + "x" * 180], ids=["none", "empty", "word", "forged"])
def test_no_token_and_a_bad_one_are_401_and_say_where_to_get_one(cloud: Cloud, plain: Ask, token: str | None) -> None:
    status, headers = plain(token)
    assert status == 401
    assert headers["WWW-Authenticate"] == f'Keystone uri="{cloud.url}"'


def test_a_revoked_token_is_refused(cloud: Cloud, plain: Ask) -> None:
    session = cloud.session()
    token = session.get_token()
    assert plain(token)[0] == 200
    session.delete(f"{cloud.url}/v3/auth/tokens", headers={"X-Subject-Token": token})
    assert plain(token)[0] == 401


def test_what_the_client_says_about_itself_is_taken_away(cloud: Cloud, plain: Ask) -> None:
    """S-034: the headers that services believe come from the middleware alone."""
    token = cloud.access(unscoped=True).auth_token
    lies = {"X_Roles": "admin", "X_Project_Id": "p", "X_Domain_Id": "d", "X_Service_Roles": "service",
            "X_Service_Catalog": "[]", "OpenStack_System_Scope": "all"}  # fmt: skip
    status, told = plain(token, **lies)
    assert status == 200
    believed = {"HTTP_X_PROJECT_ID", "HTTP_X_DOMAIN_ID", "HTTP_X_SERVICE_ROLES", "HTTP_OPENSTACK_SYSTEM_SCOPE"}
    assert not believed & told.keys()
    assert told.get("HTTP_X_ROLES", "") == ""


def test_an_expired_token_is_taken_from_a_service_that_finishes_what_its_user_began(
    cloud: Cloud, plain: Ask, service: dict[str, str]
) -> None:
    """The service's own token beside it; not for ever; and a revoked one never."""
    helper = cloud.access(**service).auth_token
    expired = sealed(cloud, ON_SYSTEM, timedelta(hours=1))
    assert plain(expired)[0] == 401
    status, told = plain(expired, X_Service_Token=helper)
    assert (status, told["HTTP_X_SERVICE_ROLES"]) == (200, "service")
    assert told["HTTP_X_SERVICE_IDENTITY_STATUS"] == "Confirmed"
    assert told["HTTP_X_USER_NAME"] == "admin"
    assert plain(expired, X_Service_Token=cloud.access().auth_token)[0] == 401, "its role is not a service's"
    assert plain(sealed(cloud, ON_SYSTEM, timedelta(days=3)), X_Service_Token=helper)[0] == 401
    cloud.session().delete(f"{cloud.url}/v3/auth/tokens?allow_expired=1", headers={"X-Subject-Token": expired})
    assert plain(expired, X_Service_Token=helper)[0] == 401


def test_a_bad_service_token_spoils_a_good_users(cloud: Cloud, plain: Ask) -> None:
    assert plain(cloud.access().auth_token, X_Service_Token="nonsense")[0] == 401


def test_the_catalog_is_left_out_on_request(cloud: Cloud, before: Callable[..., Ask]) -> None:
    status, told = before(include_service_catalog=False)(cloud.access().auth_token)
    assert status == 200
    assert "HTTP_X_SERVICE_CATALOG" not in told


def test_the_decision_can_be_left_to_the_service(cloud: Cloud, before: Callable[..., Ask]) -> None:
    ask = before(delay_auth_decision=True)
    assert ask("nonsense")[1]["HTTP_X_IDENTITY_STATUS"] == "Invalid"
    assert ask()[1]["HTTP_X_IDENTITY_STATUS"] == "Invalid"
    assert ask(cloud.access().auth_token)[1]["HTTP_X_IDENTITY_STATUS"] == "Confirmed"


def test_access_rules_are_enforced_where_the_service_says_what_it_is(cloud: Cloud, before: Callable[..., Ask]) -> None:
    """S-036: by the middleware as by us; a service that does not say so gets no such token through."""
    identity = cloud.sdk().identity
    [admin] = identity.users(name="admin")
    kinds = {"/v1/*": 200, "/v1/other": 401}
    for path, status in kinds.items():
        rule = {"service": "identity", "method": "GET", "path": path}
        made = identity.create_application_credential(admin.id, f"robot of {path}", access_rules=[rule])
        auth = v3.ApplicationCredential(
            auth_url=cloud.url, application_credential_id=made.id, application_credential_secret=made.secret
        )
        token = auth.get_access(ks.Session()).auth_token
        assert before(service_type="identity")(token)[0] == status
        assert before()(token)[0] == 401
