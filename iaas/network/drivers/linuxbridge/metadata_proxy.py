"""169.254.169.254:80 of every network on this host: a socket in each DHCP namespace and at each router's interface, one
thread that accepts, few that forward. The socket says which network asks (in a router it is bound to the interface, so
that no other network's packets reach it), the peer's address (which the packet filter vouches for) who.

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
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from iaas import failpoints
from iaas.errors import Invalid, NotFound
from iaas.host import netns
from iaas.network.agent.steps import Door
from iaas.network.drivers.linuxbridge import bridges, metadata_request
from iaas.network.drivers.linuxbridge.metadata_request import HEAD_BYTES, Refused, Request

_LOG = logging.getLogger(__name__)
ADDRESS, PORT = "169.254.169.254", 80
SECONDS = 5.0
ANSWER_BYTES = 1 << 20
WORKERS, PER_NETWORK = 16, 4


@dataclass(frozen=True, kw_only=True)
class _Open:
    """A listening socket and the place that it is in: the namespace's identity and the device's number."""

    door: Door
    socket: socket.socket
    place: tuple[object, int | None]


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
        self._doors: dict[Door, _Open] = {}
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="metadata")
        self._acceptor: threading.Thread | None = None
        self._closed = False

    def open(self, door: Door) -> None:
        """Serves the door; harmless when it does. Raises NotFound without its namespace or device."""
        place = _place(door)
        if place is None:
            raise NotFound.of("namespace", door.namespace)
        there = self._doors.get(door)
        if there is not None and there.place == place:
            return
        self._close([door])
        failpoints.hit("network.agent.before_metadata")
        made = _Open(door=door, socket=netns.inside(door.namespace, lambda: _listen(door.device)), place=place)
        with self._lock:
            self._doors[door] = made
            self._selector.register(made.socket, selectors.EVENT_READ, made)
            if self._acceptor is None:
                self._acceptor = threading.Thread(target=self._accept_all, name="metadata", daemon=True)
                self._acceptor.start()
        self._wake()

    def served(self) -> tuple[Door, ...]:
        """The doors whose socket is open, and in the namespace that has the name now."""
        open_now = list(self._doors.values())
        return tuple(there.door for there in open_now if there.place[0] == netns.identity(there.door.namespace))

    def shut(self, namespace: str, keep: Collection[str] = ()) -> None:
        """Closes the namespace's sockets, which would keep it alive without a name; not those at devices to keep."""
        self._close([door for door in self._doors if door.namespace == namespace and door.device not in keep])

    def _close(self, doors: Iterable[Door]) -> None:
        with self._lock:
            for door in doors:
                there = self._doors.pop(door, None)
                if there is not None:
                    self._selector.unregister(there.socket)
                    there.socket.close()
        self._wake()

    def close(self) -> None:
        """Ends threads and sockets; requests that are being answered are answered. Harmless twice."""
        if self._closed:
            return
        self._closed = True
        self._close(list(self._doors))
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

    def _accept(self, there: _Open) -> None:
        network_id = there.door.network_id
        try:
            client, (ip, _) = there.socket.accept()
        except OSError:  # the client went away before, or the door was closed meanwhile
            return
        client.settimeout(SECONDS)
        with self._lock:
            full = self._busy.get(network_id, 0) >= PER_NETWORK
            if not full:
                self._busy[network_id] = self._busy.get(network_id, 0) + 1
        if full:
            with client, contextlib.suppress(OSError):
                client.setblocking(False)
                client.send(metadata_request.refusal(503))
        else:
            self._pool.submit(self._serve, client, network_id, ip)

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


def _place(door: Door) -> tuple[object, int | None] | None:
    """None without the namespace or the device."""
    identity = netns.identity(door.namespace)
    if identity is None or door.device is None:
        return (identity, None) if identity else None
    device = door.device
    number = netns.inside(door.namespace, lambda: bridges.index(device))
    return (identity, number) if number is not None else None


def _listen(device: str | None) -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if device is not None:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
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
