"""The daemons as real processes on a private broker and database, with fake hypervisors: for storms, faults and the
bench. No root. Everything is stopped by pid."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.integration.rabbit import Rabbit, free_port

BIN = Path(sys.executable).parent
PASSWORD = "admin secret"
CONTROL = ("identity", "image", "api", "scheduler", "conductor", "network")


def wait(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The condition's first true value; fails with ``what`` after the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:g} s: {what}")


class Processes:
    """A control plane and ``hosts`` fake compute hosts. ``daemons``: name -> process."""

    def __init__(self, root: Path, rabbit: Rabbit, database_url: str | None = None, hosts: int = 2) -> None:
        self.root, self.rabbit = root, rabbit
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.hosts = [f"fake{number}" for number in range(1, hosts + 1)]
        self.ports = {name: free_port() for name in ("identity", "image", "compute", "network", "volume", "metadata")}
        self.config = root / "iaas.conf"
        listen = "\n".join(f"{name}_listen = 127.0.0.1:{port}/" for name, port in self.ports.items())
        self.config.write_text(
            f"[database]\nconnection = {database_url or f'sqlite:///{root}/iaas.sqlite'}\n"
            f"[bus]\nurls = {rabbit.url}\nprefix = p{os.getpid()}{root.name[-12:]}\n"
            f"[auth]\nkey_repository = {root}/keys\npolicy_file = {root}/policy.yaml\nbcrypt_rounds = 4\n"
            f"[api]\n{listen}\n[image]\ndirectory = {root}/images\n"
            f"[compute]\ndriver = fake\nstate_dir = {root}/compute\n"
            f"[network]\ndriver = fake\nstate_dir = {root}/network\n[volume]\ndriver = fake\nstate_dir = {root}/volumes\n"
            "[quota]\ninstances = -1\ncores = -1\nram = -1\nports = -1\n"
        )

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "iaas-manage"), "--config-file", str(self.config), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def start(self, name: str, **env: str) -> None:
        """Starts ``conductor``, or ``compute@fake1``; several of a kind: ``conductor#2``."""
        binary, _, host = name.partition("#")[0].partition("@")
        state = ["--host", host] if host else []
        with (self.root / f"{name}.log").open("ab") as log:
            self.daemons[name] = subprocess.Popen(
                [str(BIN / f"iaas-{binary}"), "--config-file", str(self.config), *state],
                stdout=log, stderr=log, env={**os.environ, **env}, start_new_session=True,
            )  # fmt: skip

    def up(self) -> None:
        """Schema, bootstrap, every daemon, and the first heartbeats."""
        password = self.root / "password"
        password.write_text(PASSWORD)
        for words in (("db", "upgrade"), ("bootstrap", "--admin-password-file", str(password))):
            done = self.manage(*words)
            assert done.returncode == 0, done.stderr
        for name in (*CONTROL, *(f"compute@{host}" for host in self.hosts)):
            self.start(name)
        wait(self._answers, 60, "the APIs do not answer")
        self.client = Client(self)
        wait(lambda: len(self.client.hypervisors()) == len(self.hosts), 30, "hosts have not joined")

    def _answers(self) -> bool:
        try:
            return all(
                httpx.get(self.url(name)).status_code < 500 for name in ("identity", "image", "compute", "network")
            )
        except httpx.HTTPError:
            return False

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.daemons.pop(name)
        process.send_signal(number)
        process.wait(15)

    def restart(self, name: str, **env: str) -> None:
        self.kill(name)
        self.start(name, **env)

    def down(self) -> None:
        for process in self.daemons.values():
            process.terminate()
        for process in self.daemons.values():
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def logs(self) -> str:
        return "\n".join(f"== {file.name}\n{file.read_text()[-3000:]}" for file in sorted(self.root.glob("*.log")))


class Client:
    """The compute API over HTTP, as plainly as possible: the bench measures the platform, not a client."""

    def __init__(self, cloud: Processes) -> None:
        self.cloud = cloud
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self.http = httpx.Client(timeout=60, limits=limits)
        self.token = self.login()
        self.http.headers = {"X-Auth-Token": self.token, "OpenStack-API-Version": "compute 2.37"}  # type: ignore[assignment]

    def login(self) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self.http.post(f"{self.cloud.url('identity')}/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        return answer.headers["X-Subject-Token"]

    def request(self, method: str, path: str, body: Any = None, service: str = "compute") -> httpx.Response:
        prefix = {"compute": "/v2.1", "image": "/v2", "network": "/v2.0"}[service]
        return self.http.request(method, f"{self.cloud.url(service)}{prefix}{path}", json=body)

    def json(self, method: str, path: str, body: Any = None, service: str = "compute") -> Any:
        answer = self.request(method, path, body, service)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def hypervisors(self) -> list[Any]:
        return list(self.json("GET", "/os-hypervisors")["hypervisors"])

    def image(self) -> str:
        """A tiny raw image, public."""
        made = self.json("POST", "/images", {"name": "tiny", "disk_format": "raw", "container_format": "bare",
                                              "visibility": "public"}, "image")  # fmt: skip
        url = f"{self.cloud.url('image')}/v2/images/{made['id']}/file"
        answer = self.http.put(url, content=b"\0" * 1024, headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code == 204, answer.text
        return str(made["id"])

    def create(self, image: str, name: str = "vm", networks: Any = "none", flavor: str = "1") -> httpx.Response:
        server = {"name": name, "imageRef": image, "flavorRef": flavor, "networks": networks}
        return self.request("POST", "/servers", {"server": server})

    def servers(self, **query: str) -> list[Any]:
        answer = self.http.get(f"{self.cloud.url('compute')}/v2.1/servers/detail", params={"limit": "1000", **query})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["servers"])
