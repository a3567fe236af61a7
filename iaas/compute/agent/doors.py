"""Doors to guests' screens: one connection each, from another host of the cloud, soon after it was asked for.

The listener is opened with the first door. Who comes proves by its certificate to be a host of the cloud, and by the
secret, which the bus carried, that it was sent for this guest. Nothing is remembered over a restart: the user opens the
console again.
"""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from iaas import errors
from iaas.clock import Clock
from iaas.compute.virt.driver import Driver
from iaas.host import tls
from iaas.host.relay import relay
from iaas.model.order import Door

_LOG = logging.getLogger(__name__)
_SOON = 30.0  # seconds
_WAITING = 256  # doors that nobody has come through yet
_SESSIONS = 64
_HANDSHAKE_S = 10.0
_SECRET = 64  # hexadecimal digits


@dataclass(frozen=True, kw_only=True)
class Listen:
    """``pki``: the directory of host/pki.py with this host's certificates."""

    address: str
    port: int
    pki: Path


class Doors:
    """``listen`` None: this host has no certificates, and opens no doors."""

    def __init__(self, driver: Driver, clock: Clock, listen: Listen | None) -> None:
        self._driver, self._clock, self._listen = driver, clock, listen
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[str, float]] = {}  # secret -> server id, until when
        self._sessions = 0
        self._port = 0

    def open(self, server_id: str) -> Door:
        """Raises Conflict for a guest that is off, Unsupported without certificates, Unavailable when too many wait."""
        if self._listen is None:
            raise errors.Unsupported("This host can't show screens to others: it has no certificates.")
        self._driver.open_display(server_id).close()
        now, secret = self._clock.monotonic(), secrets.token_hex(_SECRET // 2)
        with self._lock:
            self._waiting = {key: value for key, value in self._waiting.items() if value[1] > now}
            if len(self._waiting) >= _WAITING:
                raise errors.Unavailable("Too many consoles are being opened on this host.")
            self._waiting[secret] = (server_id, now + _SOON)
            if not self._port:
                self._port = tls.serve(self._listen.address, self._listen.port, "screens", self._come)
        return Door(port=self._port, secret=secret)

    def _come(self, connection: socket) -> None:
        """One connection in a thread of its own."""
        with self._lock:
            if self._sessions >= _SESSIONS:
                _LOG.warning("more than %d consoles at once: one was refused", _SESSIONS)
                return
            self._sessions += 1
        try:
            self._show(connection)
        except (OSError, errors.Error) as error:
            _LOG.info("a console was not opened: %s", error)
        finally:
            with self._lock:
                self._sessions -= 1

    def _show(self, raw: socket) -> None:
        assert self._listen is not None
        raw.settimeout(_HANDSHAKE_S)
        with tls.server(self._listen.pki).wrap_socket(raw, server_side=True) as connection:
            server_id = self._knock(connection)
            if server_id is None:
                _LOG.warning("a host of the cloud came for a console that nobody had opened")
                return
            with self._driver.open_display(server_id) as display:
                _LOG.info("console of server %s opened", server_id)
                relay(connection, display)

    def _knock(self, connection: ssl.SSLSocket) -> str | None:
        secret = tls.read_line(connection, _SECRET)
        with self._lock:
            server_id, until = self._waiting.pop(secret, (None, 0.0))
        return server_id if until > self._clock.monotonic() else None
