"""169.254.169.254:80 of every network on this host: a socket in each namespace, one thread that accepts, few
that forward. The socket says which network asks, the peer's address (which the packet filter vouches for)
who.

Plain sockets instead of a server class: the agent lives on every network host, and this is all the HTTP it
needs. A request has 5 s, an answer 1 MiB; a network that floods fills its own few places and no other's.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from iaas import failpoints
from iaas.errors import Invalid, NotFound
from iaas.host import netns
from iaas.model.wiring import dhcp_namespace
from iaas.network.drivers.linuxbridge import metadata_request
from iaas.network.drivers.linuxbridge.metadata_request import HEAD_BYTES, Refused, Request

_LOG = logging.getLogger(__name__)
ADDRESS, PORT = "169.254.169.254", 80
SECONDS = 5.0
ANSWER_BYTES = 1 << 20
WORKERS, PER_NETWORK = 16, 4


@dataclass(frozen=True, kw_only=True)
class _Door:
    """A listening socket and the namespace that it is in."""

    network_id: str
    socket: socket.socket
    namespace: tuple[int, int] | None


class MetadataProxy:
    """``url``: http://host[:port][/path] of the metadata API. Raises Invalid for another URL or no secret."""

    def __init__(self, url: str, secret: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise Invalid("metadata_url must be http://host[:port]", field="metadata_url")
        if not secret:
            raise Invalid("metadata_secret must be set", field="metadata_secret")
        self._api = (parts.hostname, parts.port or 80)
        self._host, self._base = parts.netloc, parts.path.rstrip("/")
        self._secret = secret
        self._doors: dict[str, _Door] = {}
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="metadata")
        self._acceptor: threading.Thread | None = None
        self._closed = False

    def open(self, network_id: str) -> None:
        """Serves the network's namespace; harmless when it does. Raises NotFound without the namespace."""
        if self.serves(network_id):
            return
        self.shut(network_id)
        name = dhcp_namespace(network_id)
        identity = netns.identity(name)
        if identity is None:
            raise NotFound.of("namespace", name)
        failpoints.hit("network.agent.before_metadata")
        door = _Door(network_id=network_id, socket=netns.inside(name, _listen), namespace=identity)
        with self._lock:
            self._doors[network_id] = door
            self._selector.register(door.socket, selectors.EVENT_READ, door)
            if self._acceptor is None:
                self._acceptor = threading.Thread(target=self._accept_all, name="metadata", daemon=True)
                self._acceptor.start()
        self._wake()

    def serves(self, network_id: str) -> bool:
        """Whether the socket is open, and in the namespace that has the name now."""
        door = self._doors.get(network_id)
        return door is not None and door.namespace == netns.identity(dhcp_namespace(network_id))

    def shut(self, network_id: str) -> None:
        """Closes the network's socket, which would keep a removed namespace alive."""
        with self._lock:
            door = self._doors.pop(network_id, None)
            if door is not None:
                self._selector.unregister(door.socket)
                door.socket.close()
        self._wake()

    def close(self) -> None:
        """Ends threads and sockets; requests that are being answered are answered. Harmless twice."""
        if self._closed:
            return
        self._closed = True
        for network_id in list(self._doors):
            self.shut(network_id)
        self._wake()
        if self._acceptor is not None:
            self._acceptor.join(SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake(self) -> None:
        """Lets the acceptor see what changed."""
        if self._acceptor is not None and self._acceptor.is_alive():
            os.write(self._wake_write, b"x")

    def _accept_all(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select():
                if key.data is None:
                    os.read(self._wake_read, 4096)
                else:
                    self._accept(key.data)

    def _accept(self, door: _Door) -> None:
        try:
            client, (ip, _) = door.socket.accept()
        except OSError:  # the client went away before, or the door was closed meanwhile
            return
        client.settimeout(SECONDS)
        with self._lock:
            full = self._busy.get(door.network_id, 0) >= PER_NETWORK
            if not full:
                self._busy[door.network_id] = self._busy.get(door.network_id, 0) + 1
        if full:
            with client, contextlib.suppress(OSError):
                client.setblocking(False)
                client.send(metadata_request.refusal(503))
        else:
            self._pool.submit(self._serve, client, door.network_id, ip)

    def _serve(self, client: socket.socket, network_id: str, ip: str) -> None:
        try:
            with client:
                client.sendall(self._answer(client, network_id, ip))
                client.shutdown(socket.SHUT_WR)
        except OSError as error:
            _LOG.info("metadata: %s on network %s went away: %s", ip, network_id, error)
        finally:
            with self._lock:
                self._busy[network_id] -= 1
                if not self._busy[network_id]:
                    del self._busy[network_id]

    def _answer(self, client: socket.socket, network_id: str, ip: str) -> bytes:
        deadline = time.monotonic() + SECONDS
        try:
            request, body = _read(client, deadline)
        except Refused as refused:
            return metadata_request.refusal(refused.status)
        except TimeoutError:
            return metadata_request.refusal(408)
        message = metadata_request.forwarded(
            request, body, host=self._host, base=self._base, network_id=network_id, ip=ip, secret=self._secret
        )
        try:
            return self._ask(message, deadline)
        except OSError as error:
            _LOG.warning("metadata: the API does not answer: %s", error)
            return metadata_request.refusal(503)

    def _ask(self, message: bytes, deadline: float) -> bytes:
        answer = bytearray()
        with socket.create_connection(self._api, timeout=_left(deadline)) as api:
            api.sendall(message)
            while chunk := _receive(api, deadline):
                answer += chunk
                if len(answer) > ANSWER_BYTES:
                    return metadata_request.refusal(502)
        return bytes(answer) if answer.startswith(b"HTTP/1.") else metadata_request.refusal(502)


def _listen() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((ADDRESS, PORT))
        door.listen(64)
        door.setblocking(False)
    except OSError:
        door.close()
        raise
    return door


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _receive(connection: socket.socket, deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    return connection.recv(65536)


def _read(client: socket.socket, deadline: float) -> tuple[Request, bytes]:
    """Raises Refused, TimeoutError (the whole request has one deadline), OSError."""
    data = bytearray()
    while (end := data.find(b"\r\n\r\n", 0, HEAD_BYTES + 4)) < 0:
        if len(data) > HEAD_BYTES:
            raise Refused(413)
        chunk = _receive(client, deadline)
        if not chunk:
            raise Refused(400)
        data += chunk
    request = metadata_request.parse(bytes(data[:end]))
    body = data[end + 4 :]
    while len(body) < request.length:
        chunk = _receive(client, deadline)
        if not chunk:
            raise Refused(400)
        body += chunk
    return request, bytes(body[: request.length])
