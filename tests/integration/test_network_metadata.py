"""The metadata address on a real host: what the API is told of the asker, and what a hostile guest can't
do."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas.host import netns
from iaas.model.wiring import bridge_name, dhcp_namespace
from iaas.network.drivers.linuxbridge.metadata_request import signature
from tests.integration.network_rig import SECRET, Guest, Rig, eventually, missing
from tests.unit.network.wishes import ZONE, small, uid, wish

pytestmark = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=str(missing()))]
NET = uid("net")


class Api:
    """The metadata API's place: notes what it is asked."""

    def __init__(self, port: int = 0) -> None:
        api = self
        self.asked: list[tuple[str, str, list[tuple[str, str]], bytes]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.asked.append((self.command, self.path, self.headers.items(), body))
                answer = b"i-00000001"
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: pytest's output is for failures."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.close()


@pytest.fixture
def rig(tmp_path: Path, api: Api) -> Iterator[Rig]:
    rig = Rig(tmp_path, small(1, 2), metadata_url=api.url)
    rig.loop.round()
    yield rig
    rig.clear()


def _guest(rig: Rig, number: int = 0) -> Guest:
    item = rig.controller.wish.ports[number]
    guest = rig.guest(item, bridge_name(item.network_id))
    assert guest.lease(rig.directory)
    return guest


def _ask(guest: Guest, *requests: bytes) -> bytes:
    """Sends the bytes and reads to the end."""

    def connect() -> socket.socket:
        return socket.create_connection(("169.254.169.254", 80), 3)

    with netns.inside(guest.name, connect) as connection:
        connection.settimeout(8)
        answer = b""
        try:
            for part in requests:
                connection.sendall(part)
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            return answer
        return answer


def test_the_api_hears_who_asks_and_no_forged_word_of_it(rig: Rig, api: Api) -> None:
    """S-085"""
    guest = _guest(rig)
    answer = _ask(
        guest,
        b"GET /latest/meta-data/instance-id?x=1 HTTP/1.1\r\nHost: 169.254.169.254\r\nX-Forwarded-For: 10.77.0.12\r\n"
        b"x-forwarded-for: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nX-Network-Id: other\r\nX-Iaas-Signature: 00\r\n"
        b"X-Instance-ID: other\r\nForwarded: for=1.2.3.4\r\nUser-Agent: curl/8\r\nConnection: keep-alive\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.")
    assert answer.endswith(b"\r\n\r\ni-00000001")
    method, path, headers, _ = api.asked[0]
    assert (method, path) == ("GET", "/latest/meta-data/instance-id?x=1")
    sent = [(name.lower(), value) for name, value in headers]
    assert sent.count(("x-forwarded-for", "10.77.0.11")) == 1
    assert dict(sent) == {
        "host": api.url.removeprefix("http://"),
        "connection": "close",
        "content-length": "0",
        "user-agent": "curl/8",
        "x-forwarded-for": "10.77.0.11",
        "x-network-id": NET,
        "x-iaas-signature": signature(SECRET, NET, "10.77.0.11"),
    }
    assert len(sent) == 7


def test_a_put_for_a_token_and_a_post_of_a_password_are_passed_on(rig: Rig, api: Api) -> None:
    guest = _guest(rig)
    _ask(guest, b"PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n")
    _ask(guest, b"POST /openstack/latest/password HTTP/1.1\r\nContent-Length: 6\r\n\r\nsec", b"ret")
    assert ("x-aws-ec2-metadata-token-ttl-seconds", "60") in api.asked[0][2]
    assert (api.asked[1][0], api.asked[1][3]) == ("POST", b"secret")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"BREW / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"501"),
        (b"POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40000 + b"\r\n\r\n", b"413"),
    ],
)
def test_an_odd_request_goes_nowhere(rig: Rig, api: Api, request_bytes: bytes, status: bytes) -> None:
    answer = _ask(_guest(rig), request_bytes)
    assert answer == b"" or answer.split()[1] == status  # a client that still writes may see a reset only
    assert api.asked == []


def test_without_the_api_the_answer_is_503_and_comes_soon(rig: Rig, api: Api) -> None:
    guest = _guest(rig)
    api.server.server_close()
    started = time.monotonic()
    assert _ask(guest, b"GET / HTTP/1.1\r\n\r\n").split()[1] == b"503"
    assert time.monotonic() - started < 15


def test_slow_guests_fill_their_own_places_only(rig: Rig, api: Api) -> None:
    other = small(1, name="other", zone=ZONE + 90, cidr="10.79.0.0/24")
    mine = rig.controller.wish
    rig.controller.wish = wish(mine.networks + other.networks, mine.ports + other.ports, mine.groups)
    rig.loop.look()
    assert rig.loop.round()
    slow, neighbour = _guest(rig), _guest(rig, 2)

    def open_slowly() -> list[socket.socket]:
        return [socket.create_connection(("169.254.169.254", 80), 3) for _ in range(12)]

    connections = netns.inside(slow.name, open_slowly)
    try:
        for connection in connections:
            connection.sendall(b"GET / HT")
        assert _ask(neighbour, b"GET /mine HTTP/1.1\r\n\r\n").endswith(b"i-00000001")
        refused: list[socket.socket] = []

        def count() -> int:
            refused.extend(each for each in connections if each not in refused and _answered(each))
            return len(refused)

        eventually(lambda: count() >= 12 - 4, what="refusals")
        assert count() == 12 - 4
    finally:
        for connection in connections:
            connection.close()


def _answered(connection: socket.socket) -> bool:
    connection.settimeout(0.3)
    try:
        return b" 503 " in connection.recv(100)
    except TimeoutError:
        return False


def test_a_restarted_agent_answers_again_and_a_removed_network_frees_its_namespace(rig: Rig, api: Api) -> None:
    """F-76"""
    guest = _guest(rig)
    rig.restart()
    assert rig.loop.round()
    assert _ask(guest, b"GET / HTTP/1.1\r\n\r\n").endswith(b"i-00000001")
    inode = Path(f"/run/netns/{dhcp_namespace(NET)}").stat().st_ino
    guest.remove()
    rig.controller.wish = wish()
    rig.settle()
    eventually(lambda: not _open_in(inode), what="the end of the namespace")


def _open_in(inode: int) -> list[str]:
    """Processes that live in the namespace."""
    found = []
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if path.stat().st_ino == inode:
                found.append(str(path))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_a_new_port_is_wired_and_reported_at_once(rig: Rig) -> None:
    """From the hint to the report; the time is generous because the machine is shared (goal: 150 ms)."""
    rig.loop.start()
    try:
        eventually(lambda: rig.controller.reported.is_set(), what="the first report")
        rig.controller.reported.clear()
        rig.controller.wish = small(1, 2, 3)
        rig.loop.look()
        assert rig.controller.reported.wait(7), "before the loop looks by itself, after 8 s"
        assert rig.controller.reports[-1].wired == ((uid("net-3"), 1),)
    finally:
        rig.loop.stop()
