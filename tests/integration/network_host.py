"""Several hosts on one machine: each is a process in a network and a mount namespace of its own, with a Rig in it.

``host.run(function, …)`` runs a module's function there with the host's Rig as its first argument; arguments, results
and exceptions are pickled. The hosts' underlay is a bridge in a namespace that nobody else uses.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import socket
import time
import traceback
import uuid
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from iaas import failpoints
from iaas.host import netns
from iaas.host.exec import Runner
from iaas.model.wiring import HostWiring, PortWiring
from iaas.network.agent import loop
from tests.integration.network_rig import Guest, Rig

_NEWNS, _NEWNET, _PRIVATE, _RECURSIVE = 0x00020000, 0x40000000, 1 << 18, 1 << 14
_SECONDS = 40.0
OUTSIDE = "203.0.113.1"


class Host:
    """A process that stands for a machine. Its underlay address is 198.18.0.``number``, on the device ``eth1``;
    ``eth2`` is in its bridge of physnet1, and leads to where 203.0.113.1 is (``Site.wire``)."""

    def __init__(self, site: Site, number: int, **rig: Any) -> None:
        self.number, self.address = number, f"198.18.0.{number}"
        self._pipe, theirs = multiprocessing.Pipe()
        self.directory = site.directory / f"host{number}"
        self.directory.mkdir()
        arguments = (theirs, self.directory, {"local_ip": self.address, **rig})
        self._process = multiprocessing.get_context("fork").Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        self._answer()
        site.plug(self)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """``function(rig, *arguments)`` on that host."""
        self._pipe.send((function, arguments))
        return self._answer()

    def wire(self, wanted: HostWiring) -> None:
        """The wish is met."""
        self.run(wire, wanted)

    def guest(self, port: PortWiring, bridge: str, address: str | None = None) -> None:
        """A guest at the port, with a fixed address or by DHCP."""
        self.run(add_guest, port, bridge, address)

    def pings(self, port: PortWiring, ip: str) -> bool:
        return bool(self.run(pings, port, ip))

    def shell(self, *argv: str) -> str:
        """A command on the host; its output. Raises CommandFailed."""
        return str(self.run(command, argv))

    def stop(self) -> None:
        if self._process.is_alive():
            self._pipe.send(None)
            self._process.join(_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _answer(self) -> Any:
        if not self._pipe.poll(_SECONDS):
            raise TimeoutError(f"host {self.number} does not answer")
        ok, result = self._pipe.recv()
        if not ok:
            raise result
        return result


class Site:
    """The hosts and the wire between them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runner = Runner()
        self.wire = f"wire-{uuid.uuid4().hex[:8]}"
        self.hosts: list[Host] = []
        netns.create(self.runner, self.wire)
        for bridge in ("br0", "br1"):
            self._ip(f"link add {bridge} type bridge", f"link set {bridge} up promisc on")
        self._ip("link set lo up", f"address add {OUTSIDE}/24 dev br1")

    def host(self, **rig: Any) -> Host:
        self.hosts.append(Host(self, len(self.hosts) + 1, **rig))
        return self.hosts[-1]

    def plug(self, host: Host) -> None:
        for number, bridge in enumerate(("br0", "br1"), 1):
            end = f"h{host.number}-{number}"
            self._ip(
                f"link add {end} type veth peer name eth{number} netns {host.pid}",
                f"link set {end} master {bridge}",
                f"link set {end} up",
            )
            host.shell("ip", "link", "set", f"eth{number}", "up")
        host.shell("ip", "address", "add", f"{host.address}/24", "dev", "eth1")
        host.run(connect_physical)

    def listen(self, port: int) -> socket.socket:
        """A TCP server outside."""
        return netns.inside(self.wire, lambda: socket.create_server((OUTSIDE, port), backlog=64))

    def connect(self, ip: str, port: int, timeout: float = 2.0) -> socket.socket:
        """A TCP connection from outside."""
        return netns.inside(self.wire, lambda: socket.create_connection((ip, port), timeout))

    def capture(self, bridge: str) -> socket.socket:
        """Sees every frame of the underlay (br0) or of the physical network (br1)."""

        def make() -> socket.socket:
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            wire.bind((bridge, 3))
            wire.setblocking(False)
            return wire

        return netns.inside(self.wire, make)

    def clear(self) -> None:
        for host in self.hosts:
            host.stop()
        netns.delete(self.runner, self.wire)

    def _ip(self, *lines: str) -> None:
        self.runner.run(["ip", "-n", self.wire, "-batch", "-"], timeout=10, input="\n".join(lines) + "\n")


def connect_physical(rig: Rig) -> None:
    bridge = rig.physical["physnet1"]
    rig.ip("link", "add", bridge, "type", "bridge", "forward_delay", "0")
    rig.ip("link", "set", "eth2", "master", bridge)
    rig.ip("link", "set", bridge, "up")


def frames(wire: socket.socket, seconds: float = 0.2) -> list[bytes]:
    """What a capture sees within the time."""
    found = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            found.append(wire.recv(4096))
        except BlockingIOError:
            time.sleep(0.01)
    return found


def repairs(rig: Rig) -> list[str]:
    """The names of the steps of one more round."""
    steps: list[str] = []
    apply = rig.driver.apply
    rig.driver.apply = lambda step: (steps.append(type(step).__name__), apply(step))[1]  # type: ignore[method-assign]
    try:
        assert rig.loop.round()
    finally:
        rig.driver.apply = apply  # type: ignore[method-assign]
    return steps


def repairs_of_another_agent(rig: Rig) -> list[str]:
    rig.restart()
    return repairs(rig)


def wire(rig: Rig, wanted: HostWiring) -> None:
    rig.controller.wish = wanted
    rig.settle()


def add_guest(rig: Rig, port: PortWiring, bridge: str, address: str | None) -> None:
    guest = rig.guest(port, bridge)
    if address is not None:
        guest.configure(address)
    else:
        assert guest.lease(rig.directory), "no lease"


def guest_of(rig: Rig, port: PortWiring) -> Guest:
    return next(guest for guest in rig.guests if guest.port.id == port.id)


def remove_guest(rig: Rig, port: PortWiring) -> None:
    guest = guest_of(rig, port)
    guest.remove()
    rig.guests.remove(guest)


def pings(rig: Rig, port: PortWiring, ip: str) -> bool:
    return guest_of(rig, port).pings(ip)


def command(rig: Rig, argv: tuple[str, ...]) -> str:
    return rig.runner.run(argv, timeout=20).stdout


def _serve(pipe: Connection, directory: Path, options: dict[str, Any]) -> None:
    """The life of a host. It ends with the pipe; its namespaces end with it and with what runs in them."""
    _leave()
    loop.GRACE_SECONDS = 0.1  # what it waits for is in this process, and quick
    rig = Rig(directory, HostWiring(networks=(), ports=(), groups=()), **options)
    pipe.send((True, None))
    try:
        while True:
            order = pipe.recv()
            if order is None:
                break
            function, arguments = order
            try:
                pipe.send((True, function(rig, *arguments)))
            except (Exception, failpoints.Crash) as error:  # noqa: BLE001 - told to the test
                traceback.print_exc()
                pipe.send((False, AssertionError(f"{type(error).__name__}: {error}")))
    except EOFError:
        pass
    finally:
        failpoints.disarm()
        rig.clear()


def _leave() -> None:
    """Into a network and a mount namespace of its own: /run/netns is empty there, and /sys shows the new network."""
    libc = ctypes.CDLL(None, use_errno=True)
    for done in (
        libc.unshare(_NEWNS | _NEWNET),
        libc.mount(b"none", b"/", None, _PRIVATE | _RECURSIVE, None),
        libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None),
        libc.mount(b"tmpfs", b"/run/netns", b"tmpfs", 0, None),
    ):
        if done != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    ip = shutil.which("ip") or "/usr/sbin/ip"
    os.spawnv(os.P_WAIT, ip, [ip, "link", "set", "lo", "up"])
