"""``[auth] strategy``: the image API with tokens that another identity service validates, or nobody does (A-107)."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from iaas.api.app import make_app
from iaas.api.image.access import EXTRA_RULES
from iaas.api.image.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.cmd import strategy
from iaas.cmd.start import Start
from iaas.config import loader, sections
from iaas.config.sections import Auth, Image, Keystone
from iaas.daemon import Daemon
from iaas.db.engine import Database
from iaas.errors import Invalid, Unauthenticated
from iaas.identity.facade import IdentityFacade
from iaas.identity.keys import KeyRing
from iaas.identity.service import IdentityServices
from iaas.image.services import make
from tests.compat.cloud import PASSWORD, Cloud

ROUTES = collect("iaas.api.image")
IMAGE = {"name": "i", "disk_format": "raw", "container_format": "bare"}


@pytest.fixture
def facade(cloud: Cloud, database: Database, tmp_path: Path) -> Callable[..., IdentityFacade]:
    """The identity of another cloud, which has a database and keys of its own and knows none of ``cloud``'s users."""

    def over(**options: Any) -> IdentityFacade:
        auth = Auth(strategy="keystone", key_repository=str(tmp_path / "keys"))
        mine: dict[str, Any] = {"username": "admin", "password": PASSWORD, "project": "admin", "auth_url": cloud.url}
        keystone = Keystone(**{**mine, "cache_time": 0.0, **options})
        return IdentityFacade.over(IdentityServices.open(database, auth), auth, keystone)

    return over


@pytest.fixture
def image(facade: Callable[..., IdentityFacade], database: Database, tmp_path: Path) -> Callable[..., Client]:
    def app(**options: Any) -> Client:
        services = make(database, Image(directory=str(tmp_path / "store")))
        authenticate = facade(**options).authenticate_upload
        return Client(make_app(DIALECT, ROUTES, services, Policy.of_routes(ROUTES, EXTRA_RULES), authenticate))

    return app


def status(client: Client, token: str, method: str = "GET") -> int:
    body = IMAGE if method == "POST" else None
    return client.open("/v2/images", method=method, headers={"X-Auth-Token": token}, json=body).status_code


def test_tokens_of_the_external_service_open_what_their_roles_allow(cloud: Cloud, image: Callable[..., Client]) -> None:
    client, access = image(), cloud.access()
    made = client.post("/v2/images", headers={"X-Auth-Token": access.auth_token}, json=IMAGE)
    assert (made.status_code, made.json["owner"]) == (201, access.project_id)  # type: ignore[index]
    assert status(client, cloud.access(unscoped=True).auth_token) == 403
    assert status(client, cloud.access(system_scope="all").auth_token) == 403, "its scope is kept"
    for bad in ("nonsense", "gAAAAA" + "x" * 100, "\u00e4", "x" * 10_000):
        assert status(client, bad) == 401


def test_our_own_tickets_are_still_ours(
    cloud: Cloud, facade: Callable[..., IdentityFacade], tmp_path: Path, database: Database
) -> None:
    identity = facade()
    KeyRing(str(tmp_path / "keys"), database.clock).create()
    assert identity.authenticate_upload(identity.mint_upload_ticket("an-image")).may_upload == "an-image"
    with pytest.raises(Unauthenticated):
        identity.authenticate("ticket.forged")


def test_the_platforms_own_token_is_the_external_services(cloud: Cloud, facade: Callable[..., IdentityFacade]) -> None:
    token = facade().service_token()
    assert cloud.identity.authenticate(token).user_name == "admin"


def test_an_answer_is_used_again_for_as_long_as_the_option_says(cloud: Cloud, image: Callable[..., Client]) -> None:
    session = cloud.session()
    token = session.get_token()
    remembering, asking = image(cache_time=1000.0), image()
    assert status(remembering, token) == status(asking, token) == 200
    session.delete(f"{cloud.url}/v3/auth/tokens", headers={"X-Subject-Token": token})
    assert status(asking, token) == 401
    assert status(remembering, token) == 200, "it has not asked again"


@pytest.mark.parametrize("option", ["auth_url=http://127.0.0.1:9", "password=wrong", "project=nowhere"])
def test_while_nobody_can_say_it_is_503_and_never_a_yes_or_no(
    cloud: Cloud, image: Callable[..., Client], option: str
) -> None:
    answer = image(**dict([option.split("=")])).get("/v2/images", headers={"X-Auth-Token": cloud.access().auth_token})
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize("missing", ["auth_url", "password"])
def test_the_strategy_needs_its_options(facade: Callable[..., IdentityFacade], missing: str) -> None:
    with pytest.raises(Invalid):
        facade(**{missing: ""})


# Daemons --------------------------------------------------------------------------------------------------------------


def process(directory: Path, text: str) -> Start:
    file = directory / "iaas.conf"
    file.write_text(f"[auth]\nkey_repository = {directory}/keys\n{text}")
    return Start(loader.load(sections.ALL, [str(file)]), Daemon("iaas-x", "host"), Namespace(address=None))


NOAUTH = "strategy = noauth\n"
KEYSTONE = "strategy = keystone\n[keystone]\nauth_url = https://cloud.example/v3\npassword = p\n"


def test_without_authentication_the_token_says_who_asks_and_the_log_says_so_loudly(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    identity = strategy.identity_of(process(tmp_path, NOAUTH), database)
    assert "EVERYBODY" in caplog.text
    who = identity.authenticate("ann:red")
    assert (who.user_id, who.project_id, "admin" in who.roles) == ("ann", "red", False)
    assert "admin" in identity.authenticate("admin:red").roles
    assert identity.authenticate(identity.service_token()).roles == ("service",)
    for bad in ("ann", "", "a b:c", "ann:red:x"):
        with pytest.raises(Unauthenticated):
            identity.authenticate(bad)


def test_no_authentication_is_refused_where_others_could_reach_it(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"listens on 0\.0\.0\.0:9292"):
        strategy.identity_of(process(tmp_path, f"{NOAUTH}[api]\nimage_listen = 0.0.0.0:9292\n"), database)


def test_a_client_without_a_token_is_sent_to_the_external_service_and_our_own_does_not_run(
    database: Database, tmp_path: Path
) -> None:
    there = process(tmp_path, KEYSTONE)
    assert strategy.login_url(there) == "https://cloud.example/v3"
    with pytest.raises(SystemExit, match="another identity service"):
        strategy.own_identity(there, IdentityServices.open(database, there.section(Auth)))


def test_the_default_is_our_own_identity(database: Database, tmp_path: Path) -> None:
    here = process(tmp_path, "")
    assert strategy.login_url(here) == "http://127.0.0.1:5000/v3"
    assert Auth().strategy == "local"
    with pytest.raises(Unauthenticated):
        strategy.identity_of(here, database).authenticate("admin:red")


def test_a_daemon_with_identities_of_its_own_loads_no_client_of_another() -> None:
    import subprocess

    program = "import sys, iaas.cmd.image; print('keystoneauth1' in sys.modules, 'requests' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["False", "False"]
