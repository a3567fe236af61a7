"""A PostgreSQL of the tests' own on a free port above 20000: pytest's session fixture ``postgres``.

The server refuses to be root, so it runs as the user postgres in a directory of its own. It syncs to disk as in
production. ``stop`` leaves it down: follow with ``start``, for it is shared. Use a database of your own in every test.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.integration.rabbit import free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")


class Postgres:
    """One server. ``url(name)`` stays the same over restarts."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.data = directory, directory / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://iaas@127.0.0.1:{self.port}/{database}"

    def start(self, timeout: float = 30.0) -> None:
        """Starts the server with whatever data are there, and waits until it serves."""
        if not (self.data / "PG_VERSION").exists():
            self._initialize()
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                   "max_connections": 250, "shared_buffers": "32MB"}  # fmt: skip
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        self._process = self._popen("postgres", "-D", str(self.data), *words)
        end = time.monotonic() + timeout
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: see {self.directory}/output")
            time.sleep(0.05)

    def stop(self, *, immediate: bool = False, timeout: float = 30.0) -> None:
        """In order, or at once without a checkpoint, as if it had crashed (F-39)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait(timeout)
            self._process = None

    def create(self, database: str) -> str:
        """Makes an empty database; its URL."""
        with contextlib.closing(self._connect()) as connection:
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def _initialize(self) -> None:
        account = pwd.getpwnam("postgres")
        os.chown(self.directory, account.pw_uid, account.pw_gid)
        words = ("-D", str(self.data), "-U", "iaas", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
        if self._popen("initdb", *words).wait(60):
            raise RuntimeError(f"initdb failed: see {self.directory}/output")

    def _popen(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.directory / "output").open("ab") as output:
            return subprocess.Popen(
                [str(PROGRAMS / program), *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.directory, user="postgres", group="postgres", extra_groups=[], start_new_session=True,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            )  # fmt: skip

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="iaas", dbname="postgres", autocommit=True, connect_timeout=3
        )

    def _serves(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


def server() -> Iterator[Postgres]:
    """A fresh server for the length of the iteration; skips where PostgreSQL is not installed, and says so."""
    if not (PROGRAMS / "initdb").exists():
        pytest.skip(f"{PROGRAMS} is not installed")
    if os.geteuid() != 0:
        pytest.skip("PostgreSQL runs as the user postgres here: becoming that user needs root")
    directory = Path(tempfile.mkdtemp(prefix="iaas-postgres-"))
    postgres = Postgres(directory)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.stop(immediate=True)
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's server: leave it running."""
    yield from server()
