"""PostgreSQL of a stack, where it was asked for: its data directory, its one database, and whether it serves."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from pathlib import Path

import psycopg

from devstack.stack import config, files, processes
from devstack.stack.failure import Failure
from devstack.stack.layouts import CONTROL
from devstack.stack.settings import Fleet, Settings

_INITDB = Path("/usr/lib/postgresql/15/bin/initdb")


def _place(settings: Settings) -> Path:
    return settings.state / "postgresql"


def prepare(settings: Settings) -> None:
    """Initializes the data directory, once. Runs as the user postgres: the server refuses to be root."""
    place = files.folder(_place(settings), 0o700)
    data, part = place / "data", place / "data.part"
    account = pwd.getpwnam("postgres")
    os.chown(place, account.pw_uid, account.pw_gid)
    if (data / "PG_VERSION").is_file():
        return
    processes.run(["rm", "-rf", str(part)])
    password = place / "password"
    files.write(password, settings.secrets.database_password)
    os.chown(password, account.pw_uid, account.pw_gid)
    log = settings.log("initdb")
    command = [str(_INITDB), "-D", str(part), "-U", "iaas", "-A", "scram-sha-256", "--pwfile", str(password),
               "-E", "UTF8", "--locale", "C.UTF-8"]  # fmt: skip
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=place, timeout=120, check=False,
            user="postgres", group="postgres", extra_groups=[], env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    password.unlink()
    if done.returncode:
        raise Failure(f"initdb ({files.tail(log)})", log)
    if settings.fleet:
        _admit(part / "pg_hba.conf", settings.fleet)
    part.replace(data)


def _admit(rules: Path, fleet: Fleet) -> None:
    """Controllers only: hosts that run nothing but agents must do without the database."""
    lines = [f"host all iaas {fleet.address(host)}/32 scram-sha-256\n" for host in fleet.having(CONTROL)]
    with rules.open("a") as file:
        file.writelines(lines)


def _connect(settings: Settings, database: str) -> psycopg.Connection[tuple[str, ...]]:
    return psycopg.connect(
        host=str(_place(settings)), port=settings.ports.postgresql, user="iaas",  # by its unix socket
         dbname=database, autocommit=True,
        password=settings.secrets.database_password, connect_timeout=3,
    )  # fmt: skip


def _serves(settings: Settings) -> bool:
    try:
        _connect(settings, "postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def wait(settings: Settings) -> None:
    """Waits until it serves and makes the database ``iaas`` if it is missing."""
    log = settings.log("postgresql")
    if not processes.wait_for(lambda: _serves(settings), 60, 0.2):
        raise Failure(f"PostgreSQL does not serve on port {settings.ports.postgresql} ({files.tail(log)})", log)
    name = config.database_url(settings).rsplit("/", 1)[1]
    with contextlib.closing(_connect(settings, "postgres")) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
