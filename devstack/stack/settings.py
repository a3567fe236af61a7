"""What one stack is: where it lives, its ports and its secrets. Made once by the first run and kept in the state
directory, so that every later run, also after an interruption, works on the same cloud.
"""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.stack import files, mounts
from devstack.stack.failure import Failure
from devstack.stack.layouts import CONTROL, DATABASE, Host

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STATE = Path("/var/lib/iaas-devstack")
DATABASES = ("sqlite", "postgresql")
_LONGEST = 60


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports on 127.0.0.1: OpenStack's usual ones for the APIs; for the rest, not the usual ones, on which the
    machine may have services of its own. Hosts of a fleet have addresses of their own, and USUAL ports.
    """

    identity: int = 5000
    compute: int = 8774
    metadata: int = 8775
    volume: int = 8776
    image: int = 9292
    network: int = 9696
    console: int = 6080
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
    internal_secret: str = field(default_factory=lambda: secrets.token_hex(32))


# In namespaces of their own, hosts have no services to make way for.
USUAL = Ports(amqp=5672, amqp_nodes=25672, epmd=4369, postgresql=5432)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Several hosts, each in namespaces of its own, with two networks between them (devstack/stack/switch.py)."""

    layout: str
    management: str  # the network of APIs, broker, database and tunnels, as CIDR
    external: str  # where public addresses come from
    hosts: tuple[Host, ...]

    def address(self, host: Host) -> str:
        return str(ipaddress.IPv4Network(self.management)[host.offset])

    def having(self, role: str) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if role in host.roles)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``netns`` is empty for the stack of the machine; any other lives in a network namespace of its own, but for a
    ``fleet``, whose hosts have theirs. ``host``: this is one of a fleet, with its own state directory (``at``)."""

    state: Path
    root: Path = ROOT
    database: str = "sqlite"
    netns: str = ""
    ports: Ports = field(default_factory=Ports)
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    fleet: Fleet | None = None
    host: Host | None = None

    @property
    def tag(self) -> str:
        """In the names of what is the machine's and not the stack's own: namespaces, devices."""
        return "" if self.state == DEFAULT_STATE else hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    def at(self, host: Host) -> Settings:
        """As seen by one host of the fleet."""
        state = self.state / "hosts" / host.name
        return dataclasses.replace(self, state=state, host=host, netns=self.netns_of(host.name))

    def netns_of(self, name: str) -> str:
        """The network namespace of a host of the fleet, or of another part of it."""
        return "-".join(filter(None, ("iaas", self.tag, name)))

    @property
    def every_host(self) -> tuple[Settings, ...]:
        return tuple(self.at(host) for host in self.fleet.hosts) if self.fleet else ()

    @property
    def controller(self) -> Settings:
        """The first host of a fleet, which has the database; of any other stack: itself."""
        return self.at(self.fleet.having(DATABASE)[0]) if self.fleet else self

    @property
    def address(self) -> str:
        """Where the broker, the database and the APIs are: of this host, or of the first controller."""
        if not self.fleet:
            return "127.0.0.1"
        return self.fleet.address(self.host or self.fleet.having(CONTROL)[0])

    @property
    def bin(self) -> Path:
        return self.root / ".venv" / "bin"

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def home(self) -> Path:
        """Where people find iaas.conf and clouds.yaml: the checkout, or the state directory of a second stack."""
        return self.state if self.tag else self.root

    @property
    def config(self) -> Path:
        """On a host of a fleet: as the host sees it."""
        return Path(mounts.CLOUD["etc"], "iaas.conf") if self.host else self.home / "iaas.conf"

    @property
    def wishes(self) -> Path:
        """Options of the operator's own, which go before devstack's. In the checkout, or beside the state directory
        of a second stack: nothing of devstack's writes or removes it."""
        return Path(f"{self.state}.local.conf") if self.tag else self.root / "iaas.local.conf"

    @property
    def lib(self) -> Path:
        """Where the daemons keep what is theirs ("compute", "volumes" …), as this program sees it."""
        return self.state / "lib" if self.host else self.state

    @property
    def lib_seen(self) -> Path:
        """The same, as the daemons see it."""
        return Path(mounts.CLOUD["lib"]) if self.host else self.state

    @property
    def openrc(self) -> Path:
        return self.state / "openrc" if self.tag else self.root / "devstack" / "openrc"

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


def make(state: Path, database: str | None, port_base: int | None, fleet: Fleet | None = None) -> Settings:
    """A new stack's settings, with random secrets. Raises Failure for wishes that contradict each other."""
    if fleet:
        if port_base or database == "sqlite":
            raise Failure("several hosts have addresses of their own, and PostgreSQL: no --port-base, no sqlite")
        if len(str(state)) > _LONGEST:
            raise Failure(f"--state {state}: at most {_LONGEST} characters, as paths of sockets are short")
        return Settings(state=state, database="postgresql", ports=USUAL, fleet=fleet)
    ports = Ports.from_base(port_base) if port_base else Ports()
    made = Settings(state=state, database=database or "sqlite", ports=ports)
    return dataclasses.replace(made, netns=f"iaas-{made.tag}" if made.tag else "")


def dump(settings: Settings) -> str:
    """JSON, for ``parse``."""
    value = dataclasses.asdict(settings) | {"state": str(settings.state), "root": str(settings.root)}
    del value["host"]
    return json.dumps(value, indent=2) + "\n"


def parse(text: str) -> Settings:
    """Raises ValueError, KeyError or TypeError for anything that ``dump`` didn't write."""
    value = json.loads(text)
    return Settings(
        state=Path(value["state"]), root=Path(value["root"]), database=value["database"], netns=value["netns"],
        ports=Ports(**value["ports"]), secrets=Secrets(**value["secrets"]), fleet=_fleet(value.get("fleet")),
    )  # fmt: skip


def _fleet(value: dict[str, Any] | None) -> Fleet | None:
    if not value:
        return None
    hosts = tuple(Host(**host | {"roles": tuple(host["roles"])}) for host in value["hosts"])
    return Fleet(**value | {"hosts": hosts})


def keep(settings: Settings) -> None:
    """Writes them down for the next run."""
    files.folder(settings.state, 0o711)  # other users (PostgreSQL's) must pass through, not look around
    files.write(settings.state / "settings.json", dump(settings))


def find(state: Path) -> Settings | None:
    """The settings of the stack in that directory, or None if there is none. Raises Failure if they can't be read."""
    path = state / "settings.json"
    if not path.is_file():
        return None
    try:
        return parse(path.read_text())
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"the settings of this stack are not readable ({error!r})", path) from error


def obtain(state: Path, database: str | None, port_base: int | None, fleet: Fleet | None = None) -> Settings:
    """The settings of the stack, made at the first call. Raises Failure when the wishes contradict what exists."""
    found = find(state)
    if not found:
        found = make(state, database, port_base, fleet)
        keep(found)
    if found.root != ROOT:
        raise Failure(f"the stack in {state} belongs to the checkout {found.root}: use that, or another --state")
    if database and database != found.database:
        raise Failure(f"the stack in {state} runs on {found.database}: devstack/down removes it")
    if port_base and Ports.from_base(port_base) != found.ports:
        raise Failure(f"the stack in {state} has other ports: devstack/down removes it")
    if fleet and not _same(fleet, found.fleet):
        raise Failure(f"the stack in {state} has other hosts: devstack/down removes it")
    return found


def _same(wanted: Fleet, found: Fleet | None) -> bool:
    """Whether the hosts that were asked for are there; others may have joined."""
    return found is not None and wanted.layout == found.layout and set(wanted.hosts) <= set(found.hosts)
