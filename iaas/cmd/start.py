"""What every daemon's composition root begins with: arguments, configuration, log, heartbeats."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from iaas import log
from iaas.cmd import address
from iaas.config import loader, sections
from iaas.daemon import Daemon, rss_kb
from iaas.errors import Invalid
from iaas.model.order import Backend, Heartbeat

if TYPE_CHECKING:
    from iaas.bus.client import Client
    from iaas.db.engine import Database

T = TypeVar("T")
BEAT_S = 2.0


@dataclass(frozen=True)
class Start:
    """A started process: its configuration and its Daemon."""

    config: loader.Loaded
    daemon: Daemon
    arguments: argparse.Namespace
    _own: list[str] = field(default_factory=list)

    def section(self, cls: type[T]) -> T:
        return self.config.section(cls)

    @property
    def host(self) -> str:
        return self.config.host

    @property
    def address(self) -> str:
        """Where other hosts reach this one: as told on the command line, or on the way to the broker; empty while
        there is no such way."""
        if not self._own:  # asked once: a name server that is slow must not delay heartbeats
            self._own.append(self.arguments.address or address.on_the_way(self.section(sections.Bus).urls))
        return self._own[0] or self._own.pop()

    def await_address(self, wish: str = "") -> str:
        """For agents, which can't do without: ``wish`` (an option: address, or network that it is in), else
        ``address``, waited for. Exits with a one-line message for a wish that this host can't fulfil."""
        try:
            chosen = address.chosen(wish) if wish else self.arguments.address
        except Invalid as error:
            raise SystemExit(f"{self.daemon.binary}: {error.message}") from None
        return chosen or address.wait_for_way(self.section(sections.Bus).urls)

    def database(self) -> Database:
        from iaas.db.engine import Database

        options = self.section(sections.Database)
        return Database(options.connection, options.pool_size)

    def beat_into(self, database: Database) -> None:
        """Heartbeats of a daemon with a database: its own row, written by itself."""
        from iaas.db import services

        def beat() -> None:
            database.run(
                lambda tx: services.touch(
                    tx, self.daemon.binary, self.host, self.daemon.boot_id, os.getpid(), rss_kb(), self.address
                )
            )

        self.daemon.every(BEAT_S, "heartbeat", beat)

    def beat_over(
        self, client: Client, *, address: str = "", roles: Sequence[str] = (),
        backend: Callable[[], Backend] | None = None,
    ) -> None:  # fmt: skip
        """Heartbeats through the broker to the conductor. ``address``: where others reach what the daemon serves,
        if not at this host's address; ``backend``: of a volume host, asked at every beat."""
        from iaas.rpc.conductor import ConductorRpc

        conductor = ConductorRpc(client)

        def beat() -> None:
            conductor.heartbeat(Heartbeat(
                binary=self.daemon.binary, host=self.host, boot_id=self.daemon.boot_id, pid=os.getpid(),
                rss_kb=rss_kb(), address=address or self.address, roles=tuple(roles),
                backend=backend() if backend else None))  # fmt: skip

        self.daemon.every(BEAT_S, "heartbeat", beat)


def start(binary: str, add: Callable[[argparse.ArgumentParser], None] | None = None) -> Start:
    """Reads arguments and configuration and sets the log up. Exits with a one-line message when they are wrong."""
    parser = argparse.ArgumentParser(prog=binary)
    parser.add_argument("--config-file", action="append", metavar="FILE", help="default: /etc/iaas/iaas.conf")
    parser.add_argument("--host", help="name of this host in the cloud (default: the machine's)")
    parser.add_argument(
        "--address", help="where other hosts reach this one (default: its own on the way to the broker)"
    )
    if add:
        add(parser)
    arguments = parser.parse_args()
    try:
        config = loader.load(sections.ALL, arguments.config_file, arguments.host)
    except Invalid as error:
        raise SystemExit(f"{binary}: {error.message}") from None
    options = config.section(sections.Log)
    log.setup(options.level, options.style)
    return Start(config, Daemon(binary, config.host), arguments)
