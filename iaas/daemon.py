"""A daemon process: signals, periodic work in named threads, a bounded end. Crash-only: no clean-up is needed for
correctness (C-25); SIGTERM stops taking work and the process is gone within ten seconds.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from iaas import context as contexts
from iaas.errors import Error
from iaas.ids import new_uuid

log = logging.getLogger(__name__)

STOP_S = 8.0
M_ARENA_MAX = -8  # of malloc.h


def rss_kb() -> int:
    """Resident memory of this process, KiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _share_arenas() -> None:
    """Keeps glibc from giving each of an API's forty threads a heap of its own: ten MiB of holes after a storm."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)


class Daemon:
    """``every()`` and ``on_stop()`` before ``run()``, which blocks until a signal or ``stop()``."""

    def __init__(self, binary: str, host: str) -> None:
        _share_arenas()
        self.binary, self.host = binary, host
        self.boot_id = new_uuid()
        self.stopping = threading.Event()
        self._periodic: list[tuple[str, float, Callable[[], object]]] = []
        self._on_stop: list[Callable[[], object]] = []

    def every(self, seconds: float, name: str, function: Callable[[], object]) -> None:
        """Runs the function every ``seconds``, in a thread of its own, the first time at once.

        A failure is logged and does not end the thread; the interval has 10 % jitter, so that daemons started
        together do not beat together.
        """
        self._periodic.append((name, seconds, function))

    def on_stop(self, function: Callable[[], object]) -> None:
        """Called in reverse order at the end; what hangs is left behind after eight seconds."""
        self._on_stop.append(function)

    def stop(self) -> None:
        self.stopping.set()

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        for name, seconds, function in self._periodic:
            threading.Thread(target=self._loop, args=(name, seconds, function), name=name, daemon=True).start()
        gc.collect()
        gc.freeze()  # what was imported stays: no collection need look at it again
        log.info("%s on %s is up, pid %d", self.binary, self.host, os.getpid())
        self.stopping.wait()
        log.info("%s is stopping", self.binary)
        ender = threading.Thread(target=self._end, name="end", daemon=True)
        ender.start()
        ender.join(STOP_S)
        logging.shutdown()
        os._exit(0)  # threads that hang in a system call must not keep the process

    def _end(self) -> None:
        for function in reversed(self._on_stop):
            try:
                function()
            except Exception:
                log.exception("while stopping")

    def _loop(self, name: str, seconds: float, function: Callable[[], object]) -> None:
        while not self.stopping.is_set():
            started = time.monotonic()
            with contexts.use(contexts.system()):
                try:
                    function()
                except Error as error:
                    log.warning("%s: %s", name, error.message)
                except Exception:
                    log.exception("%s", name)
            spent = time.monotonic() - started
            jitter = random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, protects nothing
            self.stopping.wait(max(0.05, seconds * jitter - spent))
