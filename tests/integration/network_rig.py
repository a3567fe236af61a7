"""A piece of host for tests of the data plane: the real driver with its own mark, and guests that are
namespaces, plugged into the bridge exactly as taps are. Everything has a prefix of its own and is removed
afterwards.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from iaas.host import netns
from iaas.host.exec import Runner
from iaas.model.wiring import HostWiring, PortWiring, WiringReport, tap_name
from iaas.network.agent.loop import Loop
from iaas.network.drivers.driver import DriverSettings
from iaas.network.drivers.linuxbridge.driver import LinuxBridgeDriver
from iaas.rpc.network import NetworkRpc

TOOLS = ("ip", "nft", "conntrack", "dnsmasq", "nsenter", "busybox")
SECRET = "a-secret-of-the-tests"
_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address flush dev $interface
ip address add $ip/$mask dev $interface
[ -n "$mtu" ] && ip link set $interface mtu $mtu
set -- $staticroutes
while [ $# -ge 2 ]; do ip route replace $1 via $2 dev $interface onlink; shift 2; done
echo "ip=$ip mask=$mask router=$router mtu=$mtu dns=$dns name=$hostname domain=$domain serverid=$serverid"
"""


def missing() -> str | None:
    """Why the real data plane can't be tested here; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"missing: {', '.join(absent)}" if absent else None


def eventually(check: Callable[[], object], seconds: float = 20.0, what: str = "condition") -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


@dataclass
class Controller:
    """The other side of NetworkRpc: hands out the wish and notes the reports."""

    wish: HostWiring
    reports: list[WiringReport] = field(default_factory=list)
    reported: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def wiring(self, agent_host: str) -> HostWiring:
        if self.error is not None:
            raise self.error
        return self.wish

    def wired(self, report: WiringReport) -> None:
        self.reports.append(report)
        self.reported.set()

    def told(self) -> dict[str, int]:
        return {id: revision for report in self.reports for id, revision in report.wired}


class Guest:
    """A namespace with eth0, whose other end is the port's tap in the bridge."""

    def __init__(self, runner: Runner, port: PortWiring, bridge: str, silent: bool = False) -> None:
        """``silent``: it sends nothing by itself, as a guest that does not run yet."""
        self.runner, self.port, self.tap = runner, port, tap_name(port.id)
        self.name = f"gst-{uuid.uuid4().hex[:10]}"
        netns.create(runner, self.name)
        if silent:
            netns.inside(self.name, lambda: Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1"))
        lines = [
            f"link add {self.tap} type veth peer name eth0 address {port.mac} netns {self.name}",
            f"link set {self.tap} master {bridge}",
            f"link set {self.tap} up",
            f"-n {self.name} link set eth0 up",
        ]
        for line in lines:
            runner.run(["ip", *line.split()], timeout=10)

    def run(self, *argv: str, timeout: float = 10.0) -> tuple[int, str]:
        result = self.runner.run(argv, timeout=timeout, netns=self.name, ok_codes=range(-64, 256))
        return result.code, result.stdout + result.stderr

    def configure(self, address: str) -> None:
        """A fixed address instead of DHCP, without IPv6 noise."""
        self.run("ip", "address", "replace", address, "dev", "eth0")

    def lease(self, directory: Path, tries: int = 3) -> dict[str, str] | None:
        """What a real DHCP client was given; None without an answer."""
        script = directory / "udhcpc.sh"
        script.write_text(_SCRIPT)
        script.chmod(0o755)
        code, output = self.run(
            "busybox", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-t", str(tries), "-T", "1", "-s",
            str(script), "-O", "mtu", "-O", "staticroutes", "-O", "hostname", timeout=20,
        )  # fmt: skip
        lines = [line for line in output.splitlines() if line.startswith("ip=")]
        return dict(word.split("=", 1) for word in lines[-1].split()) if code == 0 and lines else None

    def pings(self, ip: str) -> bool:
        return self.run("busybox", "ping", "-c", "1", "-W", "1", ip)[0] == 0

    def connects(self, ip: str, port: int, timeout: float = 3.0) -> bool:
        """The default is for connections that are expected: there is time for a second SYN."""

        def attempt() -> bool:
            try:
                with socket.create_connection((ip, port), timeout):
                    return True
            except OSError:
                return False

        return netns.inside(self.name, attempt)

    def listen(self, port: int) -> socket.socket:
        """A TCP server whose backlog says yes to everybody."""

        def make() -> socket.socket:
            return socket.create_server(("0.0.0.0", port), backlog=64)

        return netns.inside(self.name, make)

    def send(self, *frames: bytes) -> None:
        def work() -> None:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
                wire.bind(("eth0", 0))
                for frame in frames:
                    wire.send(frame)

        netns.inside(self.name, work)

    def capture(self) -> socket.socket:
        """Sees every frame that arrives at eth0."""

        def make() -> socket.socket:
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            wire.bind(("eth0", 3))
            wire.setblocking(False)
            return wire

        return netns.inside(self.name, make)

    def remove(self) -> None:
        self.runner.run(["ip", "link", "delete", self.tap], timeout=10, ok_codes=(0, 1))
        netns.delete(self.runner, self.name)


class Rig:
    """A driver, a loop that is turned by hand, and guests."""

    def __init__(
        self, directory: Path, wish: HostWiring, metadata_url: str = "http://127.0.0.1:9", local_ip: str = "198.18.0.1"
    ) -> None:
        self.runner = Runner()
        self.directory = directory
        self.controller = Controller(wish)
        self.physical = {"physnet1": "brex-" + uuid.uuid4().hex[:8]}
        self.settings = DriverSettings(
            state_dir=directory / "state", domain="test.internal", metadata_url=metadata_url,
            metadata_secret=SECRET, mark="t" + uuid.uuid4().hex[:8], local_ip=local_ip,
        )  # fmt: skip
        self.guests: list[Guest] = []
        self.driver, self.loop = self._agent()

    def restart(self) -> None:
        """A new agent process, as far as state is concerned."""
        self.driver.close()
        self.driver, self.loop = self._agent()

    def guest(self, port: PortWiring, bridge: str, silent: bool = False) -> Guest:
        self.guests.append(Guest(self.runner, port, bridge, silent))
        return self.guests[-1]

    def settle(self) -> None:
        """Looks until what is unwanted is gone as well."""
        deadline = time.monotonic() + 30
        self.loop.look()
        while not self.loop.round() or self.loop.suspects:
            assert time.monotonic() < deadline, "the loop does not come to rest"
            time.sleep(0.1)

    def ip(self, *argv: str) -> str:
        return self.runner.run(["ip", *argv], timeout=10).stdout

    def clear(self) -> None:
        for guest in self.guests:
            guest.remove()
        self.driver.close()
        self.driver.clear()
        self.runner.run(["ip", "link", "delete", self.physical["physnet1"]], timeout=10, ok_codes=(0, 1))

    def _agent(self) -> tuple[LinuxBridgeDriver, Loop]:
        driver = LinuxBridgeDriver(self.settings)
        rpc = cast(NetworkRpc, self.controller)
        loop = Loop(host="h1", rpc=rpc, driver=driver, physical=self.physical)
        return driver, loop
