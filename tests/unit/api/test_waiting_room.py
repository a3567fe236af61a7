"""S-117: slow clients wait outside; they never hold a worker from those whose request is there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from iaas.api.http_server import HttpServer
from iaas.api.waiting_room import WaitingRoom

BODY = 100 * 1024


def application(environ: dict[str, Any], start: Any) -> Any:
    text = str(len(environ["wsgi.input"].read())).encode()
    start("200 OK", [("Content-Length", str(len(text)))])
    return [text]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """With a single worker: whoever holds it holds everything."""
    server = HttpServer(("127.0.0.1", 0), application, numthreads=1, max=1, timeout=30, request_queue_size=128)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server
    server.stop()
    thread.join(10)


def request(length: int, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: x", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(server.socket.getsockname(), timeout=10)


def answer(client: socket.socket) -> bytes:
    """The body of the answer; head and body may come one after the other."""
    data = b""
    while not data.partition(b"\r\n\r\n")[2]:
        piece = client.recv(4096)
        assert piece, f"the connection ended after {data!r}"
        data += piece
    return data.partition(b"\r\n\r\n")[2]


def good(server: HttpServer) -> bytes:
    with connect(server) as client:
        client.sendall(request(5, "Connection: close") + b"12345")
        return answer(client)


def test_hundreds_of_slow_clients_cost_a_good_one_nothing(server: HttpServer) -> None:
    """S-117: silent ones, half heads, half bodies, a body of which every byte takes its time."""
    starts = [b"", b"POST / HT", request(BODY)[:-2], request(BODY), request(BODY) + b"x" * (BODY - 1)]
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(200)]
        for index, client in enumerate(slow):
            client.sendall(starts[index % len(starts)])
        assert good(server) == b"5"
        for client in slow[4::5]:
            client.sendall(b"x")  # … and when theirs is there at last, they are served too
        assert {answer(client) for client in slow[4::5]} == {str(BODY).encode()}


def test_a_request_in_small_pieces_is_served_when_it_is_whole(server: HttpServer) -> None:
    text = request(3) + b"abc"
    with connect(server) as client:
        for index in range(len(text)):
            client.sendall(text[index : index + 1])
        assert answer(client) == b"3"
        client.sendall(request(4) + b"abcd")  # the same connection again
        assert answer(client) == b"4"


@pytest.mark.parametrize(
    "start",
    [request(10) + b"abc", request(10)[:-4], b"\x16\x03\x01\x02\x00", b"x" * 20_000 + b"\r\n\r\n"],
    ids=["half a body", "half a head", "TLS", "a head without end"],
)
def test_who_leaves_or_talks_nonsense_is_let_go(server: HttpServer, start: bytes) -> None:
    with connect(server) as client:
        client.sendall(start)
        client.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in client.recv(4096)
    assert good(server) == b"5"


def test_a_client_that_waits_for_100_continue_gets_it(server: HttpServer) -> None:
    with connect(server) as client:
        client.sendall(request(4, "Expect: 100-continue"))
        assert client.recv(4096).startswith(b"HTTP/1.1 100")
        client.sendall(b"abcd")
        assert answer(client) == b"4"


STUCK = {
    "the beginning of a second request": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nG",
    "a long body that never comes": request(BODY * 10),
    "chunks that never come": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a body after 100 continue": request(10, "Expect: 100-continue"),
    "a length in another spelling": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 5\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\n\n",
}


@pytest.mark.parametrize("name", STUCK)
def test_no_way_of_being_slow_holds_a_worker(server: HttpServer, name: str) -> None:
    """S-117: the worker's patience is for all bytes together, and what comes behind an answer is nobody's business."""
    server.patience_s = 0.05
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(10)]
        for client in slow:
            client.sendall(STUCK[name])
        assert good(server) == b"5"


def test_an_unread_body_costs_no_worker_and_the_client_sees_the_answer(server: HttpServer) -> None:
    """S-117: the refusal is there although the client goes on sending, and meanwhile others are served."""
    server.wsgi_app = refuses
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(20)]
        for client in slow:
            client.sendall(request(100 * BODY) + b"x" * BODY)
        for client in slow:
            client.sendall(b"x" * BODY)
            assert answer(client) == b"no"


def refuses(environ: dict[str, Any], start: Any) -> Any:
    start("403 Forbidden", [("Content-Length", "2")])
    return [b"no"]


def test_headers_that_wsgi_confuses_are_dropped(server: HttpServer) -> None:
    """S-034: X_Auth_Token would be one variable with X-Auth-Token, and the later one would win."""
    server.wsgi_app = echoes
    for lines in (["X-Auth-Token: a", "X_Auth_Token: b"], ["X_Auth_Token: b", "X-Auth-Token: a"]):
        with connect(server) as client:
            client.sendall(request(0, *lines, "Connection: close"))
            assert answer(client) == b"a"


def echoes(environ: dict[str, Any], start: Any) -> Any:
    text = environ["HTTP_X_AUTH_TOKEN"].encode()
    start("200 OK", [("Content-Length", str(len(text)))])
    return [text]


def test_chunks_of_http_1_0_are_refused(server: HttpServer) -> None:
    """S-121: there they are no body, so that what is in them would be read as a request."""
    head = b"POST / HTTP/1.0\r\nHost: x\r\nConnection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(server) as client:
        client.sendall(head + b"GET / HTTP/1.0\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(4096):
            got += piece
    assert got.startswith(b"HTTP/1.1 400") and got.count(b"HTTP/1.1") == 1


AMBIGUOUS = {
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "the same length twice": ["Content-Length: 5", "Content-Length: 5"],
    "length and chunks": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunks and length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "a signed length": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a length with a line in it": ["Content-Length: 1_0"],
    "a list of lengths": ["Content-Length: 5, 6"],
    "space before the colon": ["Content-Length : 5"],
    "a folded length": ["Content-Length: 5", " 6"],
    "two tokens": ["Content-Length: 0", "X-Auth-Token: a", "X-Auth-Token: b"],
    "two hosts": ["Content-Length: 0", "Host: y"],
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_refused(server: HttpServer, name: str) -> None:
    """S-121: and what follows it on the connection is never taken for a request."""
    lines = ["POST / HTTP/1.1", "Host: x", *AMBIGUOUS[name]]
    smuggled = request(0, "Connection: close")
    with connect(server) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + b"12345" + smuggled)
        client.shutdown(socket.SHUT_WR)
        got = b""
        while piece := client.recv(4096):
            got += piece
    assert got.startswith(b"HTTP/1.1 400")
    assert b"200 OK" not in got


class Connection:
    def __init__(self, end: socket.socket) -> None:
        self.socket, self.closed, self.rfile = end, threading.Event(), self

    def held(self) -> bytes:
        return b""

    def close(self) -> None:
        self.closed.set()
        self.socket.close()


def pair(stack: ExitStack) -> tuple[Connection, socket.socket]:
    ours, theirs = socket.socketpair()
    return Connection(ours), stack.enter_context(theirs)


def test_who_is_not_done_in_time_is_closed() -> None:
    room = WaitingRoom(lambda connection: pytest.fail("admitted"), patience_s=0.01)
    with ExitStack() as stack:
        connection, _ = pair(stack)
        room.start()
        room.enter(connection)
        assert connection.closed.wait(10)
        room.stop()


def test_a_full_room_gives_up_who_waits_longest() -> None:
    room = WaitingRoom(lambda connection: pytest.fail("admitted"), places=2)
    with ExitStack() as stack:
        three = [pair(stack) for _ in range(3)]
        for connection, _ in three:
            room.enter(connection)
        assert [connection.closed.is_set() for connection, _ in three] == [True, False, False]
        room.start()
        room.stop()
        assert all(connection.closed.is_set() for connection, _ in three)
