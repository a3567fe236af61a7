"""One AMQP connection and the one thread that uses it: connects, fails over, backs off, reads, keeps the
heartbeat.

Other threads never touch the connection; they leave work with the link's Role and call ``wake()``, so no
caller ever blocks on a socket. Knows nothing of queues or messages.
"""

from __future__ import annotations

import logging
import os
import random
import select
import threading
import time
from enum import Enum
from typing import Any, Protocol
from urllib.parse import urlsplit

from kombu.connection import Connection

log = logging.getLogger(__name__)

HEARTBEAT = 10  # seconds, agreed with the broker, which then sends something at least every 5 s
SILENCE = 13.0  # seconds without a byte after which the connection is dead (F-36: within 15 s)
CONNECT_SECONDS = 4.0
IO_SECONDS = 8.0  # the most that a write, a declaration or half a frame may take
BACKOFF_FIRST, BACKOFF_MOST = 0.1, 3.0
STEADY = 2.0  # a connection that lived this long ends the backing off
TCP_USER_TIMEOUT_MS = 10_000


class State(Enum):
    IDLE = "idle"
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"  # no URL could be reached at the last try


class Role(Protocol):
    """What a link is for. All run on the link's thread; ``up`` and ``work`` may raise any AMQP error."""

    def up(self, connection: Any) -> None:
        """A new connection: open channels."""

    def work(self) -> float | None:
        """Do what was left to do; the seconds until there is more to do without a wake, None for nothing."""

    def lost(self, reason: str, *, gone: bool) -> None:
        """The connection was lost; ``gone``: nor can a new one be had. Comes once per failed round."""


def connect(url: str, name: str, **options: Any) -> Any:
    """A py-amqp connection whose every wait is bounded. Raises OSError or an AMQP error."""
    make: Any = Connection  # untyped
    opened = make(
        url,
        heartbeat=HEARTBEAT,
        connect_timeout=CONNECT_SECONDS,
        transport_options={
            "client_properties": {"connection_name": name, "product": "iaas"},
            "socket_settings": {18: TCP_USER_TIMEOUT_MS},
            **options,
        },
    ).transport.establish_connection()
    opened.sock.settimeout(IO_SECONDS)

    def drain_events(timeout: float | None = None) -> None:
        """As py-amqp's, which waits for an answer for as long as the broker's heartbeats come."""
        end = time.monotonic() + IO_SECONDS
        while not opened.blocking_read(timeout):
            if time.monotonic() > end:
                raise TimeoutError(f"the broker left a request unanswered for {IO_SECONDS:.0f} s")

    opened.drain_events = drain_events
    return opened


def place(url: str) -> str:
    """``host:port`` of a broker URL: what may be logged of it."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5672}"


class Link:
    """Starts its thread at the first ``start()``. ``name`` is what the broker's operator sees."""

    def __init__(self, name: str, url: str, role: Role) -> None:
        self.state = State.IDLE
        self.reason = "not connected"
        self.blocked = False  # the broker has raised an alarm and takes no messages
        self._name, self._url, self._role = name, url, role
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._awake = False
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._failures = 0

    def start(self) -> None:
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closing.is_set():
                    self.state = State.CONNECTING
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def wake(self) -> None:
        """Has ``Role.work`` called soon. Cheap; from any thread."""
        if not self._awake:
            self._awake = True
            os.eventfd_write(self._event, 1)

    def close(self, timeout: float) -> None:
        """Does what is left to do, then disconnects. Repeatable."""
        self._closing.set()
        self.wake()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def __del__(self) -> None:
        os.close(self._event)  # not in close(): a late wake() would write to whatever has the number by then

    def _run(self) -> None:
        while not self._closing.is_set():
            connection = self._connect()
            if connection is None:
                self._closing.wait(self._backoff())
                continue
            since = time.monotonic()
            try:
                self._role.up(connection)
                self.state, self.reason = State.UP, ""
                self._serve(connection)
                connection.close()
            except Exception as error:  # noqa: BLE001
                connection.collect()  # without the closing handshake: there may be nobody to answer
                self._lost(error)
            if time.monotonic() - since > STEADY:
                self._failures = 0
            elif not self._closing.is_set():
                self._closing.wait(self._backoff())
        self.state, self.reason = State.DOWN, "closed"
        self._role.lost("closed", gone=True)

    def _connect(self) -> Any:
        """None if the broker does not let us in."""
        try:
            connection = connect(self._url, self._name, on_blocked=self._block, on_unblocked=self._unblock)
        except Exception as error:  # noqa: BLE001  the answer is always to try again, and to say why
            self.reason = self._why(error)
            log.log(logging.ERROR if _refused(error) else logging.WARNING, "%s: %s", self._name, self.reason)
            self.state = State.DOWN
            self._role.lost(self.reason, gone=True)
            return None
        log.info("%s: connected to the broker at %s", self._name, place(self._url))
        self.blocked = False
        return connection

    def _why(self, error: Exception) -> str:
        if _refused(error):
            user = urlsplit(self._url).username
            return f"the broker at {place(self._url)} refuses user {user!r}: wrong name, password or permission"
        return f"no broker at {place(self._url)}: {error or type(error).__name__}"

    def _backoff(self) -> float:
        """Exponential with full jitter: all daemons lost the broker in the same instant."""
        self._failures = min(self._failures + 1, 16)
        return random.uniform(0.02, min(BACKOFF_MOST, BACKOFF_FIRST * 2**self._failures))  # noqa: S311

    def _lost(self, error: Exception) -> None:
        self.state, self.reason = (
            State.CONNECTING,
            f"the connection was lost: {error or type(error).__name__}",
        )
        log.warning("%s: %s", self._name, self.reason, exc_info=not _is_network(error))
        self._role.lost(self.reason, gone=False)

    def _serve(self, connection: Any) -> None:
        poller, readable = select.poll(), select.poll()
        poller.register(self._event, select.POLLIN)
        poller.register(connection.sock, select.POLLIN)
        readable.register(connection.sock, select.POLLIN)
        pulse = _Pulse(connection)
        while True:
            pause = self._role.work()
            if self._closing.is_set():
                return
            limit = pulse.beat()
            ready = poller.poll(1000 * (limit if pause is None else min(limit, pause)))
            for descriptor, _ in ready:
                if descriptor == self._event:
                    os.eventfd_read(self._event)
                    self._awake = False
                else:
                    _read(connection, readable)

    def _block(self, reason: str) -> None:
        self.blocked = True
        log.error("%s: the broker has raised an alarm and takes no messages", self._name)

    def _unblock(self) -> None:
        self.blocked = False
        log.info("%s: the broker takes messages again", self._name)


class _Pulse:
    """Sends heartbeats, and notices a peer that has gone silent."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._sent = self._heard = time.monotonic()
        self._count = connection.bytes_recv

    def beat(self) -> float:
        """Seconds until the next call is due. Raises ConnectionError for a dead connection."""
        now = time.monotonic()
        if self._connection.bytes_recv != self._count:
            self._count, self._heard = self._connection.bytes_recv, now
        elif now - self._heard > SILENCE:
            raise ConnectionError(f"nothing heard for {SILENCE:.0f} s")
        if now - self._sent >= HEARTBEAT / 3:
            self._connection.send_heartbeat()
            self._sent = now
        return 1.0


def _read(connection: Any, readable: select.poll) -> None:
    """Takes in the frames that are there; at most 256, so that the link's other work is not starved."""
    for _ in range(256):
        try:
            connection.blocking_read()
        except TimeoutError:
            return  # half a frame: kept for the next time; a peer that stays silent is _Pulse's affair
        pending = getattr(connection.sock, "pending", None)  # TLS decrypts ahead of what poll() sees
        if not readable.poll(0) and not (pending and pending()):
            return


def _refused(error: Exception) -> bool:
    return getattr(error, "code", None) in (403, 530)


def _is_network(error: Exception) -> bool:
    """An AMQP or socket error, as against a defect of ours that deserves a trace."""
    return isinstance(error, OSError) or hasattr(error, "reply_code") or hasattr(error, "code")
