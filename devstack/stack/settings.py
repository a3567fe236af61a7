"""What one stack is: where it lives, its ports and its secrets. Made once by the first run and kept in the state
directory, so that every later run, also after an interruption, works on the same cloud.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from devstack.stack import files
from devstack.stack.failure import Failure

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = Path("/var/lib/iaas-devstack")
DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports, all on 127.0.0.1: OpenStack's usual ones for the APIs; for the rest, not the usual ones, on which
    the machine may have services of its own.
    """

    identity: int = 5000
    compute: int = 8774
    metadata: int = 8775
    volume: int = 8776
    image: int = 9292
    network: int = 9696
    amqp: int = 5673
    amqp_nodes: int = 25673
    epmd: int = 4370
    postgresql: int = 5433

    @classmethod
    def from_base(cls, base: int) -> Ports:
        """Consecutive ports from ``base``."""
        if not 1024 <= base <= 65000:
            raise Failure(f"--port-base {base} is not between 1024 and 65000")
        names = [item.name for item in dataclasses.fields(cls)]
        return cls(**{name: base + number for number, name in enumerate(names)})


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Random, hexadecimal: they go into URLs and configuration files unquoted."""

    admin_password: str = field(default_factory=lambda: secrets.token_hex(16))
    demo_password: str = field(default_factory=lambda: secrets.token_hex(16))
    broker_password: str = field(default_factory=lambda: secrets.token_hex(16))
    broker_cookie: str = field(default_factory=lambda: secrets.token_hex(16))
    database_password: str = field(default_factory=lambda: secrets.token_hex(16))
    metadata_secret: str = field(default_factory=lambda: secrets.token_hex(32))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``netns`` is empty for the stack of the machine; any other lives in a network namespace of its own."""

    state: Path
    root: Path = ROOT
    database: str = "sqlite"
    netns: str = ""
    ports: Ports = field(default_factory=Ports)
    secrets: Secrets = field(default_factory=Secrets, repr=False)

    @property
    def bin(self) -> Path:
        return self.root / ".venv" / "bin"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def home(self) -> Path:
        """Where people find iaas.conf and clouds.yaml: the checkout, or the state directory of a second stack."""
        return self.state if self.netns else self.root

    @property
    def config(self) -> Path:
        return self.home / "iaas.conf"

    @property
    def openrc(self) -> Path:
        return self.state / "openrc" if self.netns else self.root / "devstack" / "openrc"

    @property
    def image(self) -> Path:
        return self.root / "build" / "image" / "tinyguest.qcow2"

    @property
    def key(self) -> Path:
        """The private key that logs in to instances started with the key pair ``devstack``."""
        return self.state / "id_ed25519"

    @property
    def libvirt_uri(self) -> str:
        return f"qemu+unix:///system?socket={self.state}/libvirt/run/libvirt-sock"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


def make(state: Path, database: str | None, port_base: int | None) -> Settings:
    """A new stack's settings, with random secrets."""
    netns = "" if state == DEFAULT_STATE else "iaas-" + hashlib.sha256(str(state).encode()).hexdigest()[:8]
    ports = Ports.from_base(port_base) if port_base else Ports()
    return Settings(state=state, database=database or "sqlite", netns=netns, ports=ports)


def dump(settings: Settings) -> str:
    """JSON, for ``parse``."""
    value = dataclasses.asdict(settings) | {"state": str(settings.state), "root": str(settings.root)}
    return json.dumps(value, indent=2) + "\n"


def parse(text: str) -> Settings:
    """Raises ValueError, KeyError or TypeError for anything that ``dump`` didn't write."""
    value = json.loads(text)
    return Settings(
        state=Path(value["state"]), root=Path(value["root"]), database=value["database"], netns=value["netns"],
        ports=Ports(**value["ports"]), secrets=Secrets(**value["secrets"]),
    )  # fmt: skip


def find(state: Path) -> Settings | None:
    """The settings of the stack in that directory, or None if there is none. Raises Failure if they can't be read."""
    path = state / "settings.json"
    if not path.is_file():
        return None
    try:
        return parse(path.read_text())
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"the settings of this stack are not readable ({error!r})", path) from error


def obtain(state: Path, database: str | None, port_base: int | None) -> Settings:
    """The settings of the stack, made at the first call. Raises Failure when the wishes contradict what exists."""
    found = find(state)
    if not found:
        found = make(state, database, port_base)
        # other users (PostgreSQL's) must pass through, not look around
        files.folder(state, 0o711)
        files.write(state / "settings.json", dump(found))
    if found.root != ROOT:
        raise Failure(f"the stack in {state} belongs to the checkout {found.root}: use that, or another --state")
    if database and database != found.database:
        raise Failure(f"the stack in {state} runs on {found.database}: devstack/down removes it")
    if port_base and Ports.from_base(port_base) != found.ports:
        raise Failure(f"the stack in {state} has other ports: devstack/down removes it")
    return found
