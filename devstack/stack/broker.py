"""RabbitMQ of a stack: its files, and whether it serves our user.

Nothing is done with rabbitmqctl, which takes seconds a call: user, virtual host and rights are in a definitions
file that the broker reads when it starts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import amqp

from devstack.stack import files, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings


def password_hash(password: str, salt: bytes) -> str:
    """RabbitMQ's own form: base64 of a salt of four bytes and SHA-256 over salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(settings: Settings) -> str:
    """One user who may do all in one virtual host. As it defines users, the broker makes no guest."""
    secret = settings.secrets.broker_password
    salt = hashlib.sha256(settings.secrets.broker_cookie.encode()).digest()[:4]  # the same text at each run
    user = {"name": "iaas", "password_hash": password_hash(secret, salt),
            "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": []}  # fmt: skip
    rights = {"user": "iaas", "vhost": "iaas", "configure": ".*", "write": ".*", "read": ".*"}
    value = {"users": [user], "vhosts": [{"name": "iaas"}], "permissions": [rights]}
    return json.dumps(value, indent=2) + "\n"


def conf(settings: Settings) -> str:
    place = _place(settings)
    return "\n".join([
        "# Written by devstack/up.",
        f"listeners.tcp.default = {settings.address}:{settings.ports.amqp}",
        f"load_definitions = {place}/definitions.json",
        "vm_memory_high_watermark.absolute = 512MB",
        "disk_free_limit.absolute = 50MB",
        "log.console = true", "log.console.level = info", "log.file = false", "",
    ])  # fmt: skip


def _place(settings: Settings) -> Path:
    return settings.state / "rabbitmq"


def prepare(settings: Settings) -> None:
    """Writes its files; to be called before the supervisor starts it."""
    place = files.folder(_place(settings))
    for name in ("mnesia", "log", "generated"):
        files.folder(place / name)
    cookie = place / ".erlang.cookie"
    if not cookie.exists():  # Erlang insists on 400, which a second write would stumble over
        files.write(cookie, settings.secrets.broker_cookie, 0o400)
    files.write(place / "definitions.json", definitions(settings))
    files.write(place / "rabbitmq.conf", conf(settings))
    files.write(place / "plugins", "[].\n")


def serves(settings: Settings) -> bool:
    """Whether our user can open our virtual host."""
    try:
        with amqp.Connection(
            f"{settings.address}:{settings.ports.amqp}", userid="iaas", password=settings.secrets.broker_password,
            virtual_host="iaas", connect_timeout=3, read_timeout=3,
        ) as connection:  # fmt: skip
            return bool(connection.connected)
    except (OSError, amqp.AMQPError):
        return False


def wait(settings: Settings) -> None:
    """Raises Failure when it does not serve within two minutes (5 s of CPU on an idle machine)."""
    if not processes.wait_for(lambda: serves(settings), 120, 0.3):
        log = settings.log("rabbitmq")
        raise Failure(f"RabbitMQ does not serve on port {settings.ports.amqp} ({files.tail(log)})", log)
