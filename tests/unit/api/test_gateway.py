"""The HTTP server's bodies over a real socket: constant memory, honest ends, files sent by the kernel."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import BadRequest, ClientDisconnected

from iaas.api.file_body import FileBody
from iaas.api.gateway import Body
from iaas.api.http_server import HttpServer

Application = Callable[[dict[str, Any], Any], Any]
MIB = 1024 * 1024


class Origin:
    """What the application under the server does, by path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.largest = 0
        self.ended: list[str] = []
        self.done = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        body = environ["wsgi.input"]
        path = environ["PATH_INFO"]
        if path == "/ignore":
            start("409 Conflict", [("Content-Length", "2")])
            return [b"no"]
        if path == "/file":
            start("200 OK", [("Content-Length", "1500000")])
            return FileBody((self.folder / "file").open("rb", buffering=0), 500_000, 1_500_000)
        if path == "/short":
            start("200 OK", [("Content-Length", "3000000")])
            return FileBody((self.folder / "file").open("rb", buffering=0), 0, 3_000_000)
        total, buffer = 0, bytearray(64 * 1024)
        try:
            while count := body.readinto(buffer):
                total += count
                self.largest = max(self.largest, count)
        except (ClientDisconnected, BadRequest) as error:
            self.ended.append(type(error).__name__)
            self.done.set()
            start("400 Bad Request", [("Content-Length", "0")])
            return []
        text = str(total).encode()
        start("200 OK", [("Content-Length", str(len(text)))])
        return [text]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    (tmp_path / "file").write_bytes(bytes(range(250)) * 8000)
    return Origin(tmp_path)


@pytest.fixture
def address(origin: Origin) -> Iterator[tuple[str, int]]:
    server = HttpServer(("127.0.0.1", 0), origin, numthreads=2, timeout=5)
    server.prepare()
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    yield server.socket.getsockname()
    server.stop()
    thread.join(10)


def talk(address: tuple[str, int], *pieces: bytes, end: bool = False) -> bytes:
    """Sends the pieces and gives all that comes back; ``end``: the client closes its side after them."""
    with socket.create_connection(address, timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
        if end:
            client.shutdown(socket.SHUT_WR)
        answer = io.BytesIO()
        while data := client.recv(MIB):
            answer.write(data)
        return answer.getvalue()


def put(path: str, *headers: str) -> bytes:
    lines = [f"PUT {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_body_of_known_length_arrives_whole(address: tuple[str, int]) -> None:
    data = b"x" * (3 * MIB)
    answer = talk(address, put("/", f"Content-Length: {len(data)}"), data)
    assert answer.endswith(b"\r\n\r\n3145728")


def test_chunks_arrive_whole_with_extensions_and_trailers(address: tuple[str, int]) -> None:
    chunks = b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nX-Trailer: yes\r\n\r\n"
    assert talk(address, put("/", "Transfer-Encoding: chunked"), chunks).endswith(b"\r\n\r\n15")


def test_one_endless_chunk_never_lies_in_memory(address: tuple[str, int], origin: Origin) -> None:
    """S-022"""
    pieces = [b"fffffffffff\r\n", *[b"x" * MIB] * 20]
    talk(address, put("/", "Transfer-Encoding: chunked"), *pieces, end=True)
    assert origin.done.wait(10)
    assert origin.ended == ["ClientDisconnected"]
    assert origin.largest <= 64 * 1024


@pytest.mark.parametrize("chunks", [b"zz\r\nhello\r\n", b"5\r\nhelloXX0\r\n\r\n", b"-5\r\nhello\r\n", b"5" * 2000])
def test_malformed_chunks_are_refused(address: tuple[str, int], origin: Origin, chunks: bytes) -> None:
    answer = talk(address, put("/", "Transfer-Encoding: chunked"), chunks, end=True)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert origin.ended == ["BadRequest"]


def test_a_client_that_vanishes_is_seen(address: tuple[str, int], origin: Origin) -> None:
    """F-64"""
    talk(address, put("/", "Content-Length: 1000"), b"x" * 999, end=True)
    assert origin.done.wait(10)
    assert origin.ended == ["ClientDisconnected"]


def test_a_small_unread_body_does_not_end_the_connection(address: tuple[str, int]) -> None:
    request = b"PUT /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    answer = talk(address, request, put("/", "Content-Length: 3"), b"abc")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"\r\n\r\n3")


def test_a_large_unread_body_is_answered_and_the_connection_closed(address: tuple[str, int]) -> None:
    """S-022, S-109: the client is told 409 although it is still sending, and nothing is kept."""
    request = b"PUT /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\n"
    answer = talk(address, request, *[b"x" * MIB] * 8, end=True)
    assert answer.startswith(b"HTTP/1.1 409 ")
    assert b"Connection: close" in answer
    assert answer.endswith(b"no")


def test_a_part_of_a_file_is_sent_as_it_is(address: tuple[str, int], origin: Origin) -> None:
    answer = talk(address, put("/file", "Content-Length: 0"))
    assert answer.partition(b"\r\n\r\n")[2] == (bytes(range(250)) * 8000)[500_000:]


def test_a_file_that_is_too_short_never_looks_complete(address: tuple[str, int]) -> None:
    answer = talk(address, put("/short", "Content-Length: 0"))
    assert len(answer.partition(b"\r\n\r\n")[2]) == 2_000_000


def test_a_file_body_iterates_for_any_other_server(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert b"".join(FileBody((tmp_path / "file").open("rb", buffering=0), 2, 5)) == b"23456"


def test_a_body_can_be_read_as_wsgi_says() -> None:
    class Source(io.BytesIO):
        """As cheroot's reader: everything is read ahead already."""

        def has_data(self) -> bool:
            return True

    body = Body(Source(b"one\ntwo and the next request"), 7)
    assert body.readline() == b"one\n"
    assert body.read() == b"two"
    assert body.read() == body.read(5) == b""
