"""Which processes make up a stack, as values: the supervisor and systemd each render them in their own way."""

from __future__ import annotations

from dataclasses import dataclass, field

from devstack.stack.layouts import BROKER, COMPUTE, CONTROL, DATABASE, VOLUME, Host
from devstack.stack.settings import Settings

_CONTROL = ("identity", "image", "api", "scheduler", "conductor")
DAEMONS = (*_CONTROL, "compute", "network", "volume")
SUPERVISED = "iaas"  # the group of the cloud's own daemons; the rest is the base


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process that is kept running. ``environment`` comes on top of PATH and the like."""

    name: str
    command: tuple[str, ...]
    group: str = "base"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    stop_signal: str = "TERM"
    stop_seconds: int = 10


def daemons(settings: Settings) -> list[Program]:
    """The cloud's own: all of them, or those of the host."""
    return [
        Program(name=name, group=SUPERVISED,
                command=(str(settings.bin / f"iaas-{name}"), "--config-file", str(settings.config), *more))
        for name, more in _wanted(settings.host).items()
    ]  # fmt: skip


def _wanted(host: Host | None) -> dict[str, tuple[str, ...]]:
    """Daemon -> what it is told on the command line."""
    if not host:
        return dict.fromkeys(DAEMONS, ())
    # On one host a console is a command away (README); 74 MiB are much for what few use there.
    found: dict[str, tuple[str, ...]] = dict.fromkeys((*_CONTROL, "console"), ()) if CONTROL in host.roles else {}
    if COMPUTE in host.roles:
        found["compute"] = ()
    if host.network_roles:
        found["network"] = tuple(word for role in host.network_roles for word in ("--role", role))
    if VOLUME in host.roles:
        found["volume"] = ()
    return found


def base(settings: Settings) -> list[Program]:
    """What the daemons need, in the order in which it is started."""
    if settings.host:
        makers = {BROKER: (_epmd, _rabbitmq), COMPUTE: (_libvirtd,), DATABASE: (_postgresql,)}
        return [make(settings) for role, found in makers.items() if role in settings.host.roles for make in found]
    found = [_epmd(settings), _rabbitmq(settings), _libvirtd(settings)]
    if settings.database == "postgresql":
        found.append(_postgresql(settings))
    return found


def programs(settings: Settings) -> list[Program]:
    return base(settings) + daemons(settings)


def _epmd(settings: Settings) -> Program:
    # Erlang's name server: where none runs, a broker starts one that outlives it. So it gets one that is watched.
    port = str(settings.ports.epmd)
    return Program(name="epmd", command=("/usr/bin/epmd", "-address", "127.0.0.1", "-port", port))


def _rabbitmq(settings: Settings) -> Program:
    place, ports = settings.state / "rabbitmq", settings.ports
    return Program(
        name="rabbitmq",
        # not the wrapper in /usr/sbin, which wants its own user
        command=("/usr/lib/rabbitmq/bin/rabbitmq-server",),
        stop_seconds=30,
        environment={
            "HOME": str(place),
            "RABBITMQ_NODENAME": f"iaas{ports.amqp}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": settings.address,
            "RABBITMQ_NODE_PORT": str(ports.amqp),
            "RABBITMQ_DIST_PORT": str(ports.amqp_nodes),
            "ERL_EPMD_PORT": str(ports.epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": f"{place}/mnesia",
            "RABBITMQ_LOG_BASE": f"{place}/log",
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": f"{place}/pid",
            "RABBITMQ_CONFIG_FILE": f"{place}/rabbitmq",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/plugins",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{place}/generated",
            # one scheduler that sleeps when idle, and tables of processes and atoms a fifth of RabbitMQ's (11 MiB): a
            # broker for one machine needs no more
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +P 65536 +t 1048576",
            # the shell script then becomes the broker instead of standing between it and the supervisor's signals
            "RUNNING_UNDER_SYSTEMD": "1",
        },
    )


def _libvirtd(settings: Settings) -> Program:
    if settings.host:  # its places are mounted already, and the host's init reaps
        script = settings.root / "devstack" / "libvirtd-host"
        words = (str(script), str(settings.bin), str(settings.config), settings.address)
        return Program(name="libvirtd", command=("/bin/sh", *words))
    script = settings.root / "devstack" / "libvirtd-private"
    return Program(name="libvirtd", command=("/bin/sh", str(script), str(settings.state / "libvirt")))


def _postgresql(settings: Settings) -> Program:
    place = settings.state / "postgresql"
    return Program(
        name="postgresql", user="postgres", stop_signal="INT", stop_seconds=30,  # INT is the fast shutdown
        command=(
            "/usr/lib/postgresql/15/bin/postgres", "-D", f"{place}/data", "-p", str(settings.ports.postgresql),
            "-c", f"listen_addresses={settings.address}", "-c", f"unix_socket_directories={place}",
            "-c", "max_connections=200",
        ),
    )  # fmt: skip
