"""What the tests of three hosts say: the stock client's words, a shell in a guest, and what a guest answers."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from devstack.stack.settings import ROOT
from tests.compat.client import OpenStackClient
from tests.integration.fleet import BOOTED, FleetRig, eventually

READY_S = 90.0  # a guest under emulation on a busy machine, from the request to its first login


@dataclass
class Guest:
    """A server of the demo user: ``host`` is where it was built."""

    id: str
    name: str
    fixed: str
    floating: str
    host: str


class Story:
    """``words(...)`` runs the stock client as the demo user (or the administrator) from outside of every host."""

    def __init__(self, fleet: FleetRig, scratch: Path) -> None:
        self.fleet = fleet
        self._client = OpenStackClient(scratch)
        self._scratch = scratch

    def close(self) -> None:
        self._client.close()

    def attempt(self, *words: str, who: str = "demo") -> subprocess.CompletedProcess[str]:
        return self._client.run(words, os.environ | self.fleet.environment(who), ROOT)

    def words(self, *words: str, who: str = "demo") -> str:
        """What the client prints; fails the test when the client fails."""
        done = self.attempt(*words, who=who)
        assert done.returncode == 0, f"openstack {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *words: str, who: str = "demo") -> Any:
        return json.loads(self.words(*words, "-f", "json", who=who))

    # -- servers --------------------------------------------------------------------------------------------------

    def server(self, name: str) -> Any:
        """As the administrator sees it, with its host."""
        return self.json("server", "show", name, who="devstack")

    def status(self, server_id: str) -> str:
        found = self.fleet.admin.compute.get_server(server_id)
        return f"{found.status}/{found.task_state}" if found.task_state else str(found.status)

    def until(self, server_id: str, status: str, seconds: float = 60) -> None:
        """Until the server is settled in the status; at once a failure when it is in ERROR instead."""

        def there() -> bool:
            now = self.status(server_id)
            if now == "ERROR" and status != "ERROR":
                fault = self.fleet.admin.compute.get_server(server_id).fault
                raise AssertionError(f"server {server_id} is in ERROR instead of {status}: {fault}")
            return now == status

        eventually(there, seconds, f"{server_id} is {status}: it is {self.status(server_id)}")

    def host_of(self, server_id: str) -> str:
        return str(self.fleet.admin.compute.get_server(server_id).compute_host)

    def boot(self, name: str, network: str, *more: str, image: str = "tinyguest", ready: bool = True) -> Guest:
        """A server of the demo user with a floating address, ready for ssh as root. ``image`` "": a volume boots."""
        options = ["--flavor", "m1.nano", "--network", network, "--key-name", "devstack", *more]
        made = self.json("server", "create", *(["--image", image] if image else []), *options, "--wait", name)
        assert made["status"] == "ACTIVE", made
        fixed = re.findall(r"\d+\.\d+\.\d+\.\d+", json.dumps(made["addresses"]))[0]
        guest = Guest(made["id"], name, fixed, self.floating(made["id"]), self.host_of(made["id"]))
        if ready:
            self.ready(guest)
        return guest

    def ready(self, guest: Guest) -> None:
        eventually(lambda: self.shell(guest, BOOTED).returncode == 0, READY_S, f"ssh to {guest.name}", 0.5)

    def floating(self, server_id: str) -> str:
        address = str(self.json("floating", "ip", "create", "public")["floating_ip_address"])
        self.words("server", "add", "floating", "ip", server_id, address)
        return address

    def delete(self, *guests: Guest) -> None:
        """The servers, and their floating addresses."""
        self.words("server", "delete", "--wait", *(guest.id for guest in guests))
        self.words("floating", "ip", "delete", *(guest.floating for guest in guests))

    # -- inside ---------------------------------------------------------------------------------------------------

    def shell(self, guest: Guest, command: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Runs the command as root in the guest, through its floating address; code 124 when nothing comes back."""
        argv = ["timeout", str(timeout), *self.ssh(guest), command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=timeout + 10, check=False)

    def ssh(self, guest: Guest) -> list[str]:
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5", "BatchMode=yes",
                   "LogLevel=ERROR"]  # fmt: skip
        flags = [word for option in options for word in ("-o", option)]
        return ["ssh", *flags, "-i", str(self.fleet.settings.key), f"root@{guest.floating}"]

    def answers(self, guest: Guest) -> bool:
        """Whether anybody takes a connection at its floating address. A shell that is cut off while it logs in would
        wait for much longer."""
        try:
            socket.create_connection((guest.floating, 22), 3).close()
        except OSError:
            return False
        return True

    def said(self, guest: Guest, command: str, timeout: float = 30) -> str:
        """What the command prints in the guest; fails the test if it fails."""
        done = self.shell(guest, command, timeout)
        assert done.returncode == 0, f"{command} in {guest.name}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    @contextmanager
    def connection(self, guest: Guest) -> Iterator[subprocess.Popen[str]]:
        """An open ssh session that echoes lines: alive while ``ask`` gets answers."""
        process = subprocess.Popen([*self.ssh(guest), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)


def ask(session: subprocess.Popen[str], line: str) -> str:
    """The echo of one line through an open session."""
    assert session.stdin and session.stdout
    session.stdin.write(line + "\n")
    session.stdin.flush()
    return session.stdout.readline().strip()


def screen(url: str) -> bytes:
    """What a guest's screen says first to a web socket of the console's address: its version of VNC, or nothing."""
    place = urlsplit(url)
    path = parse_qs(place.query)["path"][0]
    words = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Origin: http://{place.netloc}",
             "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Protocol: binary")  # fmt: skip
    with socket.create_connection((place.hostname, place.port), 20) as line:
        line.sendall("\r\n".join((f"GET /{path} HTTP/1.1", f"Host: {place.netloc}", *words, "", "")).encode())
        heard = b""
        while b"RFB" not in heard and (more := line.recv(4096)):
            heard += more
        return heard.partition(b"\r\n\r\n")[2][2:14]  # after the two bytes that a frame begins with
