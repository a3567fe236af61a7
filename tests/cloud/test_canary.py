"""S-123: canaries are sent through the whole cloud at DEBUG; none may turn up in a log, in a frame or in the clear in
the database. The token with which a host fetches an image travels in its order, and nowhere else.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as Http

from iaas import log
from iaas.api.app import make_app
from iaas.api.compute.dialect import DIALECT as COMPUTE
from iaas.api.identity.dialect import DIALECT as IDENTITY
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.api.rulebook import rules_of
from iaas.bus.transport import Address, Lane
from iaas.config import sections
from iaas.errors import Internal
from iaas.identity.service import IdentityServices
from iaas.log import JsonFormatter, TextFormatter
from tests.cloud.harness import FLAVOR, Cloud
from tests.cloud.servers import image

PASSWORD = "c4nary 'one' \"two\" %s%20 Ä密🔑"
CHANGED = "c4nary changed, } and more"
WRONG = "c4nary wr0ng \\"
ADMIN_PASS = "c4nary-adm1n"
USER_DATA = "#cloud-config\npassword: c4nary-user-data"
FERNET = re.compile(rb"gAAAAA[\w=-]{20,}")


def traces_of(secret: str) -> set[str]:
    """As it is, as JSON and Python write it, and in base64."""
    text = secret.encode()
    return {
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1],
        base64.b64encode(text).decode().rstrip("="), text.hex(),
    }  # fmt: skip


class Journal(logging.Handler):
    """Every event at DEBUG, ours and the libraries', as both formats render it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.events = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.events += 1
        self.lines += [TextFormatter().format(record), JsonFormatter().format(record)]


class Tap:
    """Everything that passes the broker."""

    def __init__(self, cloud: Cloud) -> None:
        self.frames: list[tuple[str, bytes]] = []
        bus = cloud.bus
        publish, hint, request = bus.publish, bus.hint, bus.request

        def on_publish(to: Address, body: bytes, timeout: float = 5.0) -> None:
            self.frames.append((to.queue, body))
            publish(to, body, timeout)

        def on_hint(to: Address, body: bytes) -> None:
            self.frames.append((to.queue, body))
            hint(to, body)

        def on_request(to: Address, body: bytes, seconds: float) -> bytes:
            answer = request(to, body, seconds)
            self.frames += [(to.queue, body), (f"answer from {to.queue}", answer)]
            return answer

        bus.publish, bus.hint, bus.request = on_publish, on_hint, on_request  # type: ignore[method-assign]


class Front:
    """The identity and compute APIs of the cloud, with real tokens."""

    def __init__(self, cloud: Cloud) -> None:
        auth = sections.Auth(key_repository=str(cloud.root / "keys"), bcrypt_rounds=4)
        services = {"identity": IdentityServices.open(cloud.database, auth), "compute": cloud.compute}
        self.clients = {}
        for name, dialect in (("identity", IDENTITY), ("compute", COMPUTE)):
            routes, policy = collect(f"iaas.api.{name}"), Policy(rules_of(name))
            app = make_app(dialect, routes, services[name], policy, cloud.identity.authenticate)
            self.clients[name] = Http(app)
        self.token = ""
        self.tokens: list[str] = []

    def call(self, service: str, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        answer = self.clients[service].open(path, method=method, json=body, headers={"X-Auth-Token": self.token})
        assert answer.status_code == status or (status is None and answer.status_code < 300), answer.text
        return answer.get_json(silent=True)

    def login(self, name: str, password: str, project: str, status: int = 201) -> None:
        user = {"name": name, "domain": {"id": "default"}, "password": password}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        answer = self.clients["identity"].post("/v3/auth/tokens", json=body)
        assert answer.status_code == status, answer.text
        if status == 201:
            self.token = answer.headers["X-Subject-Token"]
            self.tokens.append(self.token)


@pytest.fixture
def journal() -> Iterator[Journal]:
    root, made = logging.getLogger(), Journal()
    before = (root.level, logging.getLogger("iaas").level)
    root.addHandler(made)
    root.setLevel(logging.DEBUG)
    logging.getLogger("iaas").setLevel(logging.DEBUG)
    for loud in ("sqlalchemy",):  # log.setup() keeps it quiet; at DEBUG it would write every parameter
        logging.getLogger(loud).setLevel(logging.WARNING)
    yield made
    root.removeHandler(made)
    root.setLevel(before[0])
    logging.getLogger("iaas").setLevel(before[1])


def people(front: Front) -> None:
    """A user with the canary as password, and a project, made over HTTP."""
    front.login("admin", "secret", "admin")
    domain = {"domain_id": "default"}
    project = front.call("identity", "POST", "/v3/projects", {"project": {"name": "red", **domain}})["project"]["id"]
    wish = {"user": {"name": "bob", "password": PASSWORD, **domain}}
    user = front.call("identity", "POST", "/v3/users", wish)["user"]["id"]
    [role] = front.call("identity", "GET", "/v3/roles?name=member")["roles"]
    front.call("identity", "PUT", f"/v3/projects/{project}/users/{user}/roles/{role['id']}")
    front.call("identity", "POST", "/v3/users", {"user": {"name": "eve", "password": [PASSWORD]}}, 400)
    front.login("bob", PASSWORD, "red")
    change = {"user": {"password": CHANGED, "original_password": PASSWORD}}
    front.call("identity", "POST", f"/v3/users/{user}/password", change)
    front.login("bob", WRONG, "red", 401)
    front.login("bob", CHANGED, "red")


def servers(front: Front, cloud: Cloud) -> str:
    """Key pair and server, one that is refused, one that fails on its host. Answers the private key."""
    made = front.call("compute", "POST", "/v2.1/os-keypairs", {"keypair": {"name": "key"}})["keypair"]
    wish: dict[str, Any] = {
        "name": "vm", "imageRef": image(cloud), "flavorRef": FLAVOR.id, "networks": "none", "key_name": "key",
        "user_data": base64.b64encode(USER_DATA.encode()).decode(),
    }  # fmt: skip
    answer = front.clients["compute"].post("/v2.1/servers", json={"server": {**wish, "adminPass": ADMIN_PASS}})
    assert answer.status_code == 401
    headers = {"X-Auth-Token": front.token, "OpenStack-API-Version": "compute 2.37"}
    for body, status in (({**wish, "adminPass": ADMIN_PASS}, 400), (wish, 202), (wish, 202)):
        answer = front.clients["compute"].post("/v2.1/servers", json={"server": body}, headers=headers)
        assert answer.status_code == status, answer.text
        assert ADMIN_PASS not in answer.text, "a refusal does not echo"
        cloud.settle()
        for host in cloud.hosts.values():
            host.hypervisor.fail("define", Internal("no more memory"))
    return str(made["private_key"])


def test_no_canary_is_in_a_log_a_frame_or_in_the_clear_in_the_database(
    cloud: Cloud, journal: Journal, tmp_path: Path
) -> None:
    tap, front = Tap(cloud), Front(cloud)
    people(front)
    private_key = servers(front, cloud)
    cloud.tick()
    front.call("compute", "GET", "/v2.1/servers/detail")
    key_line = private_key.splitlines()[3]
    never = {PASSWORD, CHANGED, WRONG, ADMIN_PASS, USER_DATA, key_line, *front.tokens}
    assert journal.events > 20
    assert len(tap.frames) > 10
    written = "\n".join(journal.lines)
    sent = b"\n".join(body for _, body in tap.frames)
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("iaas.sqlite*"))
    for secret in never:
        for trace in traces_of(secret):
            assert trace not in written, f"in a log: {trace[:40]}"
            assert trace.encode() not in sent, f"in a frame: {trace[:40]}"
            assert trace.encode() not in stored or secret == USER_DATA, f"in the database: {trace[:40]}"
    assert not FERNET.search(written.encode()), "no token of any kind is written"


def test_a_token_is_in_orders_to_compute_hosts_only(cloud: Cloud, journal: Journal) -> None:
    """It can read images and nothing else, for a quarter of an hour."""
    tap, front = Tap(cloud), Front(cloud)
    people(front)
    servers(front, cloud)
    holders = {queue for queue, body in tap.frames if FERNET.search(body)}
    assert holders
    compute = {Address(topic="compute", lane=Lane.CAST, host=host).queue for host in cloud.hosts}
    assert holders <= compute
    for _, body in tap.frames:
        for token in FERNET.findall(body):
            assert token.decode() not in front.tokens, "no user's token is handed on"
            assert cloud.identity.authenticate(token.decode()).roles == ("service",)


def test_a_daemon_at_debug_keeps_the_libraries_quiet(capsys: pytest.CaptureFixture[str], cloud: Cloud) -> None:
    """The same with the log as daemons set it up, on standard error."""
    root, ours = logging.getLogger(), logging.getLogger("iaas")
    before, hooks = (root.handlers[:], root.level, ours.level), (sys.excepthook, threading.excepthook)
    try:
        log.setup("DEBUG", "json")
        front = Front(cloud)
        people(front)
        servers(front, cloud)
    finally:
        root.handlers[:], level, mine = before
        root.setLevel(level)
        ours.setLevel(mine)
        sys.excepthook, threading.excepthook = hooks
        logging.captureWarnings(False)
    lines = capsys.readouterr().err.splitlines()
    assert lines
    events = [json.loads(line) for line in lines]
    assert all(event["logger"].startswith("iaas") for event in events)
    for secret in (PASSWORD, CHANGED, WRONG, ADMIN_PASS, USER_DATA, *front.tokens):
        for trace in traces_of(secret):
            assert not any(trace in line for line in lines)
