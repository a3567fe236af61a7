"""The connection to libvirtd: opened when needed, opened again after libvirtd died (F-55). Knows no guest.

``use`` is the only way to talk to libvirt: it hands out the connection and turns libvirt's errors into ours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import libvirt

from iaas import errors
from iaas.compute.virt.libvirt.events import start_loop

T = TypeVar("T")
_LOG = logging.getLogger(__name__)

# A silent libvirtd (SIGSTOP, a hung host) is given up after about interval * (count + 1) seconds.
_KEEPALIVE_INTERVAL, _KEEPALIVE_COUNT = 3, 3
_LOST_DOMAINS = (libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_RPC)
_LOST_CODES = (libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_RPC)


class Connection:
    """``on_open`` is called with every new connection, to register events on it."""

    def __init__(self, uri: str, on_open: Callable[[Any], None]) -> None:
        self._uri = uri
        self._on_open = on_open
        self._lock = threading.Lock()
        self._connection: Any = None

    def use(self, question: Callable[[Any], T], refusal: str) -> T:
        """Asks once, and once more on a fresh connection if this one turns out to be lost.

        So a question must bear repetition. Raises Unavailable without a hypervisor, or while it is busy; Internal with
        the words ``refusal`` when libvirt says no (its own words, which name files, go to the log: S-071).
        """
        for last in (False, True):
            connection = self._open()
            try:
                return question(connection)
            except libvirt.libvirtError as error:
                if not self._lost(connection, error):
                    _LOG.error("libvirt: %s", error)
                    if error.get_error_code() == libvirt.VIR_ERR_OPERATION_TIMEOUT:  # another job has the guest
                        raise errors.Unavailable("The hypervisor is busy.", resource="hypervisor") from error
                    raise errors.Internal(refusal) from error
                self._forget(connection)
                if last:
                    raise errors.Unavailable("The hypervisor does not answer.", resource="hypervisor") from error
        raise AssertionError("unreachable")

    def alive(self) -> bool:
        try:
            self._open().getLibVersion()
        except (errors.Unavailable, libvirt.libvirtError):
            return False
        return True

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            _close(connection)

    def _open(self) -> Any:
        with self._lock:
            if self._connection is not None and self._connection.isAlive():
                return self._connection
            start_loop()
            try:
                connection = libvirt.open(self._uri)
                connection.setKeepAlive(_KEEPALIVE_INTERVAL, _KEEPALIVE_COUNT)
                self._on_open(connection)
            except libvirt.libvirtError as error:
                _LOG.warning("no connection to the hypervisor: %s", error)
                raise errors.Unavailable("The hypervisor does not answer.", resource="hypervisor") from error
            self._connection = connection
            return connection

    def _forget(self, connection: Any) -> None:
        with self._lock:
            if self._connection is connection:
                self._connection = None

    @staticmethod
    def _lost(connection: Any, error: libvirt.libvirtError) -> bool:
        if not connection.isAlive():
            return True
        return error.get_error_domain() in _LOST_DOMAINS and error.get_error_code() in (
            *_LOST_CODES,
            libvirt.VIR_ERR_INTERNAL_ERROR,  # "client socket is closed"
        )


def _close(connection: Any) -> None:
    try:
        connection.close()
    except libvirt.libvirtError as error:
        _LOG.debug("close: %s", error)
