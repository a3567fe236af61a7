"""Runs WSGI applications with cheroot: one server a listening address, applications mounted by path."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from cheroot.wsgi import PathInfoDispatcher

from iaas.api.http_server import HttpServer
from iaas.cmd.listen import address
from iaas.daemon import Daemon
from iaas.errors import Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 30  # a client that sends or reads nothing for so long is dropped (S-117)
QUEUE = 128


def serve(daemon: Daemon, apps: Mapping[str, Callable[..., Any]], threads: int, max_body: int | None = None) -> None:
    """Listens on every address of ``apps`` (listen string -> WSGI application) until the daemon stops. Raises
    Unavailable for one that can't be listened on.

    ``max_body`` None: no limit here, the application has its own (image uploads).
    """
    mounts: dict[tuple[str, int], dict[str, Callable[..., Any]]] = defaultdict(dict)
    for listen, app in apps.items():
        host, port, path = address(listen)
        mounts[host, port][path or "/"] = app
    for (host, port), paths in mounts.items():
        app = paths["/"] if set(paths) == {"/"} else PathInfoDispatcher(paths)  # type: ignore[no-untyped-call]
        server = HttpServer((host, port), app, numthreads=threads, max=threads, request_queue_size=QUEUE,
                            timeout=TIMEOUT_S, shutdown_timeout=3, server_name="iaas")  # fmt: skip
        server.error_log = _error_log  # type: ignore[method-assign, assignment]
        try:
            server.prepare()
        except OSError as error:
            raise Unavailable(f"can't listen on {host}:{port}: {error}") from error
        threading.Thread(target=server.serve, name=f"http-{port}", daemon=True).start()
        daemon.on_stop(server.stop)
        log.info("listening on %s:%d", host, port)


def _error_log(message: str = "", level: int = 20, traceback: bool = False) -> None:
    log.log(level, message, exc_info=traceback)
