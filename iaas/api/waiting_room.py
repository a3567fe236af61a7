"""Where connections wait until their request is there, so that a slow client never holds a worker thread (S-117).

A request's head and its small body are left in the kernel's buffer and only looked at (MSG_PEEK); SO_RCVLOWAT makes
the kernel wake us when there is more than we have seen. One thread watches all; who is not done in time is closed,
and so is who has waited longest when the room is full. Nothing is read or kept here.

Who was answered before all was sent leaves by the same room: what still comes is read and forgotten for a moment, so
that the client gets to see the answer.
"""

from __future__ import annotations

import fcntl
import logging
import re
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

HEAD = 16 * 1024  # bytes; the server refuses a longer one
BODY = 112 * 1024  # a longer body is read by its handler, which knows its caller
PATIENCE_S = 10.0  # for head and small body together
PLACES = 1024
GOODBYE_S = 3.0
_FORGOTTEN = 64 * 1024 * 1024  # bytes of one that leaves
_AT_A_TIME = 16  # reads of 64 KiB, before others have their turn
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:", re.IGNORECASE)


@dataclass
class _Guest:
    """``look``: whether the wait is over, one way or the other; ``end``: what is done then."""

    connection: Any
    until: float
    look: Callable[[], bool]
    end: Callable[[Any], None]


class WaitingRoom:
    """``admit(connection)`` is called once for each connection whose request is there, or is broken."""

    def __init__(self, admit: Callable[[Any], None], patience_s: float = PATIENCE_S, places: int = PLACES) -> None:
        self._admit, self._patience_s, self._places = admit, patience_s, places
        self._waiting: dict[int, _Guest] = {}  # by file number, who came first first
        self._lock = threading.Lock()
        self._poll = select.epoll()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waiting-room", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and closes who still waits."""
        self._stopped.set()
        self._thread.join(5)
        for number in list(self._waiting):
            self._close(number)
        self._poll.close()

    def enter(self, connection: Any) -> None:
        """Any thread. Admits at once when the request is there already."""
        connection.timeout_s = connection.socket.gettimeout()
        connection.socket.settimeout(0)
        if _ready(connection):
            self._let_in(connection)
        else:
            until = time.monotonic() + self._patience_s
            self._seat(_Guest(connection, until, lambda: _ready(connection), self._let_in))

    def see_off(self, connection: Any) -> None:
        """Any thread. Closes the connection when the client has done so, or has had its time."""
        connection.socket.settimeout(0)
        left = _Rest(connection.socket)
        if left.is_over():
            connection.close()
        else:
            self._seat(_Guest(connection, time.monotonic() + GOODBYE_S, left.is_over, lambda one: one.close()))

    def _seat(self, guest: _Guest) -> None:
        number = guest.connection.socket.fileno()
        with self._lock:
            oldest = next(iter(self._waiting)) if len(self._waiting) >= self._places else None
            self._waiting[number] = guest
        if oldest is not None:
            self._close(oldest)
        with suppress(ValueError, OSError):  # stopped meanwhile
            self._poll.register(number, select.EPOLLIN | select.EPOLLRDHUP)

    def _run(self) -> None:
        while not self._stopped.is_set():
            for number, _ in self._poll.poll(0.5):
                guest = self._waiting.get(number)
                if guest is not None and guest.look() and self._leave(number):
                    guest.end(guest.connection)
            self._expire()

    def _expire(self) -> None:
        now = time.monotonic()
        with self._lock:
            late = [number for number, guest in self._waiting.items() if guest.until <= now]
        for number in late:
            self._close(number)

    def _leave(self, number: int) -> Any | None:
        """The connection, for the one who takes it out."""
        with self._lock:
            guest = self._waiting.pop(number, None)
        if guest is None:
            return None
        with suppress(OSError, ValueError):
            self._poll.unregister(number)
        return guest.connection

    def _close(self, number: int) -> None:
        connection = self._leave(number)
        if connection is not None:
            connection.close()

    def _let_in(self, connection: Any) -> None:
        with suppress(OSError):
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            connection.socket.settimeout(connection.timeout_s)
        self._admit(connection)


class _Rest:
    """What a client still sends although it was answered."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._left = end, _FORGOTTEN

    def is_over(self) -> bool:
        try:
            for _ in range(_AT_A_TIME):
                count = len(self._end.recv(65536))
                self._left -= count
                if not count or self._left <= 0:
                    return True
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False


def _ready(connection: Any) -> bool:
    """Whether a worker can have it: a whole request, one that must be refused, or the end of the connection."""
    held: bytes = connection.rfile.held()  # read already, behind the last request
    try:
        fresh: bytes | None = connection.socket.recv(HEAD + 1, socket.MSG_PEEK)
    except BlockingIOError:
        fresh = None
    except OSError:
        return True
    seen = held + (fresh or b"")
    if not seen:
        return fresh is not None
    wanted = _wanted(seen)
    if wanted is None:
        return True
    there = len(held) + struct.unpack("i", fcntl.ioctl(connection.socket, termios.FIONREAD, bytes(4)))[0]
    if there >= wanted:
        return True
    missing = max(wanted, there + 1) - len(held)
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, missing)
    return _ended(connection.socket)


def _wanted(seen: bytes) -> int | None:
    """How many bytes there should be before a worker looks; None: now."""
    end = seen.find(b"\r\n\r\n")
    if end < 0:
        return None if len(seen) > HEAD or b"\n\n" in seen else len(seen) + 1
    head = seen[: end + 2]
    length = _LENGTH.search(head)
    if length is None or _EXPECTS.search(head) or int(length[1]) > BODY:
        return None
    return end + 4 + int(length[1])


def _ended(connection: socket.socket) -> bool:
    """Whether the client has closed its side: nothing more will come."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))
