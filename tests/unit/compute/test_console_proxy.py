"""A browser's way to a screen: page, web socket, proxy, mutual TLS, door, guest; and everybody who must not get in."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockify.websocket import WebSocket, WebSocketWantReadError

from iaas import errors
from iaas.clock import ManualClock
from iaas.compute.agent.doors import Doors, Listen
from iaas.compute.console_proxy import Server
from iaas.compute.remote_console import Screens
from iaas.compute.virt.fake import FakeDriver, FakeHypervisor
from iaas.db import services
from iaas.db.compute import console_sessions
from iaas.db.engine import Database
from iaas.host import tls
from iaas.host.pki import Authority
from iaas.model.order import Door, Power
from tests.api.compute.world import World, make_world
from tests.unit.compute.agent.bench import RESOURCES, spec

SECRET = "s" * 40
GREETING = b"RFB 003.008\n"


class Site:
    """One compute host with one guest, and the proxy."""

    def __init__(self, database: Database, clock: ManualClock, directory: Path) -> None:
        self.world: World = make_world(database)
        self.directory, self.hypervisor = directory, FakeHypervisor()
        driver = FakeDriver(self.hypervisor, RESOURCES)
        self.pki = directory / "pki"
        Authority(SECRET).ensure(self.pki, "host1", ["127.0.0.1"])
        self.doors = Doors(driver, clock, Listen(address="127.0.0.1", port=0, pki=self.pki))
        self.world.host()
        database.run(lambda tx: services.touch(tx, "iaas-compute", "host1", "boot", 1, 1, "127.0.0.1"))
        self.server = self.world.server()
        self.world.active(self.server)
        guest = spec(server_id=self.server)
        driver.define(guest, (), directory / "console", 1)
        driver.power_on(self.server)
        self.screens = Screens(database=database, hosts=self, pki=self.pki)  # type: ignore[arg-type]
        self.web = directory / "novnc"
        self.proxy = Server(("127.0.0.1", 0), self.screens.open, self.web, "http://console.example:6080")
        threading.Thread(target=self.proxy.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.port: int = self.proxy.server_address[1]

    def open_console(self, host: str, server_id: str) -> Door:
        """As ComputeRpc would."""
        assert host == "host1"
        return self.doors.open(server_id)

    def token(self) -> str:
        text = base64.urlsafe_b64encode(os.urandom(24)).decode()
        self.world.database.run(lambda tx: console_sessions.insert(tx, text, self.server, 600))
        return text

    def http(self, request: str) -> bytes:
        """The beginning of the answer to a raw request."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(request.encode())
            data = b""
            while piece := raw.recv(4096):
                data += piece
                if b"\r\n\r\n" in data and b"101" in data[:12]:
                    break
            return data

    def upgrade(self, token: str, *headers: str) -> bytes:
        lines = [f"GET /?token={token} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
                 *headers]  # fmt: skip
        return self.http("\r\n".join(lines) + "\r\n\r\n")


@pytest.fixture
def site(database: Database, clock: ManualClock, tmp_path: Path) -> Iterator[Site]:
    made = Site(database, clock, tmp_path)
    yield made
    made.proxy.shutdown()
    made.proxy.server_close()


class Client(WebSocket):  # type: ignore[misc]
    """The library's own forgets the query."""

    query = ""

    def send_request(self, type: str, path: str) -> None:
        super().send_request(type, path + self.query)


class Browser:
    def __init__(self, port: int, token: str) -> None:
        self.socket = Client()
        self.socket.query = f"?token={token}"
        self.socket.connect(f"ws://127.0.0.1:{port}/", protocols=["binary"])

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recvmsg()
            except WebSocketWantReadError:
                continue
            assert piece is not None, "closed"
            data += piece
        return data


def test_what_is_typed_reaches_the_guest_and_what_it_shows_the_browser(site: Site) -> None:
    browser = Browser(site.port, site.token())
    assert browser.read(len(GREETING)) == GREETING
    data = os.urandom(300_000)
    threading.Thread(target=_send, args=(browser.socket, data), daemon=True).start()
    assert browser.read(len(data)) == data
    browser.socket.close()


def _send(web: WebSocket, data: bytes) -> None:
    for start in range(0, len(data), 4096):
        web.sendmsg(data[start : start + 4096])


def test_a_token_opens_one_connection_and_a_wrong_one_none(site: Site) -> None:
    token = site.token()
    assert b" 101 " in site.upgrade(token)[:20]
    assert b" 403 " in site.upgrade(token)[:20]
    assert b" 403 " in site.upgrade("nonsense")[:20]
    assert b" 403 " in site.upgrade(f"{site.token()}&token={site.token()}")[:20]


def test_a_page_of_another_origin_gets_no_socket_and_does_not_use_the_token_up(site: Site) -> None:
    token = site.token()
    assert b" 403 " in site.upgrade(token, "Origin: http://evil.example")[:20]
    assert b" 101 " in site.upgrade(token, f"Origin: http://127.0.0.1:{site.port}")[:20]
    assert b" 101 " in site.upgrade(site.token(), "Origin: http://console.example:6080")[:20]


def test_a_guest_that_is_off_is_said_to_be(site: Site) -> None:
    site.hypervisor.change(site.server, Power.SHUTDOWN)
    assert b" 503 " in site.upgrade(site.token())[:20]


def test_without_novnc_the_page_says_what_is_missing_and_with_it_shows_it(site: Site) -> None:
    page = f"GET /vnc_lite.html?path=x HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: close\r\n\r\n"
    assert b"noVNC is not installed here" in site.http(page)
    site.web.mkdir()
    (site.web / "vnc_lite.html").write_text("a page")
    assert site.http(page).endswith(b"a page")
    listing = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nConnection: close\r\n\r\n"
    assert b" 404 " in site.http(listing)[:20]
    outside = f"GET /../pki/server-key.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"  # noqa: F541
    assert b"PRIVATE" not in site.http(outside)


def knock(site: Site, line: bytes, pki: Path | None = None) -> bytes:
    """What a host gets that comes to a door with these words; nothing is a closed door."""
    port = site.doors.open(site.server).port
    try:
        with tls.connect("127.0.0.1", port, pki or site.pki, 5) as connection:
            connection.sendall(line)
            return connection.recv(64)
    except (OSError, errors.Unavailable):
        return b""


def test_a_door_opens_once_for_a_host_of_the_cloud_with_its_secret(
    site: Site, clock: ManualClock, tmp_path: Path
) -> None:
    def secret() -> bytes:
        return site.doors.open(site.server).secret.encode() + b"\n"

    used = secret()
    assert knock(site, used) == GREETING
    assert knock(site, used) == b""
    assert knock(site, b"0" * 64 + b"\n") == b""
    assert knock(site, b"x" * 200) == b""
    late = secret()
    clock.advance(31)
    assert knock(site, late) == b""
    Authority("t" * 40).ensure(tmp_path / "foreign", "host1", ["127.0.0.1"])
    assert knock(site, secret(), tmp_path / "foreign") == b""


def test_who_is_no_host_of_the_cloud_gets_no_word_in(site: Site) -> None:
    door = site.doors.open(site.server)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as raw, pytest.raises(OSError):
        connection = context.wrap_socket(raw)
        connection.sendall(door.secret.encode() + b"\n")
        if not connection.recv(1):
            raise ConnectionResetError


def test_a_host_without_certificates_and_a_guest_that_is_off_open_no_door(site: Site, clock: ManualClock) -> None:
    none = Doors(FakeDriver(site.hypervisor, RESOURCES), clock, None)
    with pytest.raises(errors.Unsupported):
        none.open(site.server)
    site.hypervisor.change(site.server, Power.SHUTDOWN)
    with pytest.raises(errors.Conflict):
        site.doors.open(site.server)


def test_a_message_without_an_end_is_not_kept(site: Site) -> None:
    browser = Browser(site.port, site.token())
    browser.read(len(GREETING))
    raw = browser.socket.socket
    raw.settimeout(10)
    header = b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0"
    with pytest.raises(OSError):
        raw.sendall(header)
        for _ in range(400):
            raw.sendall(b"x" * 65536)
    assert raw.fileno() >= 0
