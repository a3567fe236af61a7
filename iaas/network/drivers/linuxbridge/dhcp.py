"""dnsmasq as a process, one a network: start, reload, stop, leases. The texts come from dnsmasq.py.

The servers outlive the agent, and their leases outlive them (F-71). A process is ours only when its command
line names our pid file: a number alone may long belong to somebody else.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from iaas import failpoints
from iaas.errors import NotFound
from iaas.host import netns
from iaas.host.exec import Runner
from iaas.model.wiring import NetworkWiring, dhcp_namespace
from iaas.network.drivers.linuxbridge import dnsmasq
from iaas.network.drivers.linuxbridge.namespaces import inner
from iaas.network.drivers.linuxbridge.records import Records, replace

_RECORD = "dhcp"
_START_SECONDS, _STOP_SECONDS, _RELEASE_SECONDS = 10.0, 2.0, 1.0
_LOG_BYTES = 1 << 20
_BIND_TO_DEVICE = 25  # SO_BINDTODEVICE: without it the kernel sends it by lo, where dnsmasq does not listen


class DhcpServers:
    """``domain``: the guests' DNS domain. Raises Invalid when it is none."""

    def __init__(self, runner: Runner, records: Records, domain: str) -> None:
        self._runner = runner
        self._records = records
        self._domain = dnsmasq.check_domain(domain)

    def found(self, network_id: str) -> NetworkWiring | None:
        """The wiring that is served now; None when a file differs, or the process is dead or in another
        place."""
        served = self._records.read(network_id, _RECORD, NetworkWiring)
        if served is None:
            return None
        directory = self._records.directory(network_id)
        texts = {"hosts": dnsmasq.hosts(served, self._domain), "opts": dnsmasq.options(served)}
        for name, text in texts.items():
            path = directory / name
            if not path.is_file() or path.read_text() != text:
                return None
        alive = self._serving(served) is not None
        return served if alive or not dnsmasq.served(served) else None

    def live(self, network_id: str) -> bool:
        return self._pid(network_id) is not None

    def leases(self, network_id: str) -> list[tuple[str, str]]:
        """(MAC, address)"""
        with contextlib.suppress(FileNotFoundError):
            return dnsmasq.leases((self._records.directory(network_id) / "leases").read_text())
        return []

    def hosts(self, network_id: str) -> list[str]:
        """The MAC of every line of the hosts file."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self._records.directory(network_id) / "hosts").read_text().splitlines()
            return sorted({line.split(",")[0] for line in lines})
        return []

    def ensure(self, network: NetworkWiring) -> None:
        """Serves exactly this wiring; clients of unchanged hosts notice nothing."""
        directory = self._records.claim(network.id)
        failpoints.hit("network.agent.before_dhcp")
        changed = [
            replace(directory / "hosts", dnsmasq.hosts(network, self._domain).encode()),
            replace(directory / "opts", dnsmasq.options(network).encode()),
        ]
        if not dnsmasq.served(network):
            self._stop(network.id)
        elif self._serving(network) is None:
            self._restart(network)
        elif any(changed) or self._records.read(network.id, _RECORD, NetworkWiring) != network:
            self._signal(network.id, signal.SIGHUP)
        failpoints.hit("network.agent.after_dhcp")
        self._records.write(network.id, _RECORD, network)
        self._shorten_log(directory / "log")

    def release(self, network_id: str, mac: str, ip: str) -> None:
        """Frees a lease: a reload does not. As the client would, and if that is not heard, by force."""
        served = self._records.read(network_id, _RECORD, NetworkWiring)
        if served is None or (mac, ip) not in self.leases(network_id):
            return
        failpoints.hit("network.agent.before_release")
        server = next((own for _, cidr, own in dnsmasq.served(served) if ip_address(ip) in cidr), None)
        if server is not None and served.dhcp is not None and self._serving(served) is not None:
            device = inner(served.dhcp.port_id)
            netns.inside(dhcp_namespace(network_id), lambda: _send_release(device, server, mac, ip))
            deadline = time.monotonic() + _RELEASE_SECONDS
            while (mac, ip) in self.leases(network_id) and time.monotonic() < deadline:
                time.sleep(0.005)
        if (mac, ip) in self.leases(network_id):
            self._restart(served)

    def remove(self, network_id: str) -> None:
        failpoints.hit("network.agent.before_dhcp_removed")
        self._stop(network_id)
        self._records.remove(network_id, _RECORD)
        directory = self._records.directory(network_id)
        for name in ("hosts", "opts", "leases", "pid", "log"):
            (directory / name).unlink(missing_ok=True)

    def _restart(self, network: NetworkWiring) -> None:
        self._stop(network.id)
        self._prune(network)
        assert network.dhcp is not None
        namespace = dhcp_namespace(network.id)
        if netns.identity(namespace) is None:
            raise NotFound.of("namespace", namespace)
        self._runner.run(self._command(network), timeout=_START_SECONDS, netns=namespace)

    def _command(self, network: NetworkWiring) -> list[str]:
        assert network.dhcp is not None
        directory = self._records.directory(network.id)
        return dnsmasq.command(network, inner(network.dhcp.port_id), directory, self._domain)

    def _prune(self, network: NetworkWiring) -> None:
        """Takes leases of no host out of the file, while nobody is using it."""
        path = self._records.directory(network.id) / "leases"
        known = {tuple(line.split(",")[:1] + line.split(",")[-1:])
                 for line in dnsmasq.hosts(network, self._domain).splitlines()}  # fmt: skip
        if path.is_file():
            lines = path.read_text().splitlines(keepends=True)
            keep = [line for line in lines if all(lease in known for lease in dnsmasq.leases(line))]
            replace(path, "".join(keep).encode())

    def _serving(self, network: NetworkWiring) -> int | None:
        """The process that runs this very command line in this very namespace."""
        pid = self._pid(network.id)
        if pid is None or _cmdline(pid) != self._command(network):
            return None
        same = netns.identity(f"/proc/{pid}/ns/net") == netns.identity(dhcp_namespace(network.id))
        return pid if same else None

    def _pid(self, network_id: str) -> int | None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int((self._records.directory(network_id) / "pid").read_text())
            return pid if self._mark(network_id) in _cmdline(pid) else None
        return None

    def _mark(self, network_id: str) -> str:
        return f"--pid-file={self._records.directory(network_id) / 'pid'}"

    def _all(self, network_id: str) -> Iterator[int]:
        """Every process with our mark, also one whose pid file was lost."""
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._mark(network_id) in _cmdline(int(entry.name)):
                yield int(entry.name)

    def _signal(self, network_id: str, number: int) -> None:
        pid = self._pid(network_id)
        if pid is not None:
            _send_signal(pid, self._mark(network_id), number, 0)

    def _stop(self, network_id: str) -> None:
        for pid in list(self._all(network_id)):
            if not _send_signal(pid, self._mark(network_id), signal.SIGTERM, _STOP_SECONDS):
                _send_signal(pid, self._mark(network_id), signal.SIGKILL, _STOP_SECONDS)

    @staticmethod
    def _shorten_log(path: Path) -> None:
        if path.is_file() and path.stat().st_size > _LOG_BYTES:
            os.truncate(path, 0)  # dnsmasq appends, so it goes on at the start


def _cmdline(pid: int) -> list[str]:
    """The arguments of a live process; empty for a dead one and for a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _send_signal(pid: int, mark: str, number: int, wait: float) -> bool:
    """Signals the process that has the mark, never a successor of its number; True: it has ended (or is
    none)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if mark not in _cmdline(pid):
            return True
        signal.pidfd_send_signal(handle, number)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(wait * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def _send_release(device: str, server: str, mac: str, ip: str) -> None:
    """DHCPRELEASE (RFC 2131, 4.4.6) for the lease, from within the server's namespace."""
    header = struct.pack("!BBBBIHH", 1, 1, 6, 0, int.from_bytes(os.urandom(4), "big"), 0, 0)
    addresses = socket.inet_aton(ip) + bytes(12)
    hardware = bytes.fromhex(mac.replace(":", "")) + bytes(10)
    options = b"\x63\x82\x53\x63" + b"\x35\x01\x07" + b"\x36\x04" + socket.inet_aton(server) + b"\xff"
    packet = header + addresses + hardware + bytes(192) + options
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, device.encode() + b"\0")
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.bind(("0.0.0.0", 68))  # noqa: S104 - the client's port, in the server's namespace
        sender.sendto(packet.ljust(300, b"\0"), (server, 67))
