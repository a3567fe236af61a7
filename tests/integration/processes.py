"""The daemons as real processes on a private broker and database, with fake hypervisors: for storms, faults and the
bench. No root. Everything is stopped by pid."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from iaas.db import services
from iaas.db.engine import Database
from tests.integration.rabbit import Rabbit, free_port

BIN = Path(sys.executable).parent
PASSWORD = "canary-5e1f admin"  # must never show in a log (I-17)
CONTROL = ("identity", "image", "api", "scheduler", "conductor", "network")
SERVICES = ("identity", "image", "compute", "network", "volume", "metadata")


def wait(condition: Callable[[], Any], seconds: float, what: str | Callable[[], str], pause: float = 0.05) -> Any:
    """The condition's first true value, looked for every ``pause`` seconds; fails with ``what`` after the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(pause)
    raise AssertionError(f"after {seconds:g} s: {what() if callable(what) else what}")


class Processes:
    """A control plane and ``hosts`` fake compute hosts. ``daemons``: name -> process.

    ``twins``: kinds of which there are two, on a node of their own ("api", "scheduler" …). ``wired``: every host has
    a network agent, so that servers can have ports. ``options``: section -> text that goes to the configuration.
    """

    def __init__(
        self, root: Path, rabbit: Rabbit, database_url: str | None = None, hosts: int = 2,
        *, twins: Iterable[str] = (), wired: bool = False, options: dict[str, str] | None = None,
        more_brokers: Iterable[Rabbit] = (),
    ) -> None:  # fmt: skip
        self.root, self.rabbit, self.brokers = root, rabbit, [rabbit, *more_brokers]
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: list[str] = []  # of supervised daemons, in order
        self._guard = threading.RLock()
        self._supervisor: threading.Thread | None = None
        self._read: dict[Path, int] = {}  # how much of each log was looked at
        self._began: dict[str, int] = {}  # how long each log was when its daemon was started
        self.hosts = [f"fake{number}" for number in range(1, hosts + 1)]
        self.ports = {name: free_port() for name in SERVICES}
        self.twins = {name: free_port() for name in SERVICES}
        agents = [f"network@{host}" for host in self.hosts] if wired else []
        self.names = [*CONTROL, *(f"{kind}#2" for kind in twins), *agents, *(f"compute@{host}" for host in self.hosts)]
        self.wired = wired
        database_url = database_url or f"sqlite:///{root}/iaas.sqlite"
        self.database = Database(database_url)
        self._configure(
            database_url, {"quota": "instances = -1\ncores = -1\nram = -1\nports = -1\n", **(options or {})}
        )

    def _configure(self, database_url: str, options: dict[str, str]) -> None:
        """The cloud's file, and small ones that differ: a second node's ports, each host's directories."""
        root = self.root
        self.config = root / "iaas.conf"
        urls = ",".join(broker.url for broker in self.brokers)
        self.config.write_text(
            f"[database]\nconnection = {database_url}\n"
            f"[bus]\nurls = {urls}\nprefix = p{os.getpid()}{root.name[-12:]}\n"
            f"[auth]\nkey_repository = {root}/keys\npolicy_file = {root}/policy.yaml\nbcrypt_rounds = 4\n"
            f"internal_secret = {'s' * 40}\n"
            f"{_listen(self.ports)}[image]\ndirectory = {root}/images\n"
            f"[compute]\ndriver = fake\n[network]\ndriver = fake\n[volume]\ndriver = fake\n"
            + "".join(f"[{section}]\n{text}\n" for section, text in options.items())
        )
        (root / "second.conf").write_text(_listen(self.twins))
        for host in [*self.hosts, "node1", "node2"]:
            directory = root / host
            (root / f"{host}.conf").write_text(
                "".join(f"[{name}]\nstate_dir = {directory}/{name}\n" for name in ("compute", "network", "volume"))
            )

    def url(self, service: str, twin: bool = False) -> str:
        return f"http://127.0.0.1:{(self.twins if twin else self.ports)[service]}"

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "iaas-manage"), "--config-file", str(self.config), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    # -- daemons --------------------------------------------------------------------------------------------------

    def start(self, name: str, **env: str) -> None:
        """Starts ``conductor``, or ``compute@fake1``; the second of a kind: ``conductor#2``."""
        kind, _, host = name.partition("#")[0].partition("@")
        second = "#" in name
        host = host or ("node2" if second else "node1")
        words = [str(BIN / f"iaas-{kind}"), "--host", host]
        for file in ("iaas.conf", *(["second.conf"] if second else []), f"{host}.conf"):
            words += ["--config-file", str(self.root / file)]
        if kind == "network" and self.wired:
            words += ["--role", "agent" if "@" in name else "controller"]
        with self._guard, self.log(name).open("ab") as log:
            self._began[name] = log.tell()
            self.daemons[name] = subprocess.Popen(
                words, stdout=log, stderr=log, env={**os.environ, **env}, start_new_session=True
            )

    def up(self) -> None:
        """Schema, bootstrap, every daemon, and the first heartbeats."""
        password = self.root / "password"
        password.write_text(PASSWORD)
        for words in (("db", "upgrade"), ("bootstrap", "--admin-password-file", str(password))):
            done = self.manage(*words)
            assert done.returncode == 0, done.stderr
        for name in self.names:
            self.start(name)
        wait(self.answers, 60, lambda: f"the APIs do not answer\n{self.logs()}")
        self.client = Client(self)
        wait(lambda: len(self.client.hypervisors()) == len(self.hosts), 30, "hosts have not joined")
        # A server that comes before its host's network agent fails there, and the host is avoided for a while.
        wait(lambda: not self.wired or self.client.wired_hosts() >= set(self.hosts), 30, "network agents are missing")

    def answers(self) -> bool:
        """Whether every API of every node answers."""
        urls = [self.url(name) for name in ("identity", "image", "compute", "network")]
        urls += [self.url("compute", twin=True)] if "api#2" in self.daemons else []
        try:
            return all(httpx.get(url).status_code < 500 for url in urls)
        except httpx.HTTPError:
            return False

    def consumes(self, name: str) -> bool:
        """Whether the daemon, as it was started last, takes messages."""
        return b" consume: connected to the broker" in self.log(name).read_bytes()[self._began[name] :]

    def heard(self, names: Iterable[str]) -> bool:
        """Whether each of these daemons, as it was started last, has given a sign of life."""
        with self.database.read() as tx:
            pids = {service.pid for service in services.all_of(tx)}
        return {self.daemons[name].pid for name in names} <= pids

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Ends a daemon and waits for its end; nobody restarts it."""
        with self._guard:
            process = self.daemons.pop(name)
        process.send_signal(number)
        process.wait(15)

    def restart(self, name: str, **env: str) -> None:
        self.kill(name)
        self.start(name, **env)

    def supervise(self) -> None:
        """From now on, whoever dies is started again, without the environment that killed it. For good."""
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()

    def _supervise(self) -> None:
        while self._supervisor is not None:
            with self._guard:
                dead = [name for name, process in self.daemons.items() if process.poll() is not None]
                for name in dead:
                    self.deaths.append(name)
                    self.start(name)
            time.sleep(0.1)

    def down(self) -> None:
        self._supervisor = None
        with self._guard:
            processes, self.daemons = list(self.daemons.values()), {}
        for process in processes:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in processes:
            try:
                process.wait(12)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self.database.close()

    # -- logs -----------------------------------------------------------------------------------------------------

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def logs(self) -> str:
        return "\n".join(f"== {file.name}\n{file.read_text()[-3000:]}" for file in sorted(self.root.glob("*.log")))

    def warnings(self, lines: int = 15) -> str:
        """The last lines of each log that tell of trouble, the bus's own apart."""
        found = []
        for file in sorted(self.root.glob("*.log")):
            text = file.read_text(errors="replace").splitlines()
            odd = [line for line in text if re.search(" (WARNING|ERROR) (?!iaas.bus)", line)]
            found += [f"{file.stem}: {line[11:400]}" for line in odd[-lines:]]
        return "\n".join(found)

    def news(self) -> dict[str, str]:
        """What each daemon has logged since the last call, by its name."""
        found = {}
        for file in sorted(self.root.glob("*.log")):
            with file.open(errors="replace") as log:
                log.seek(self._read.get(file, 0))
                found[file.stem] = log.read()
                self._read[file] = log.tell()
        return found

    def shames(self) -> list[str]:
        """New lines of the logs that must not be: tracebacks and what follows them, or a secret (I-17)."""
        found = []
        for name, text in self.news().items():
            for match in re.finditer(r"Traceback \(most recent call last\)", text):
                found.append(f"{name}: {text[max(0, match.start() - 300) : match.start() + 2500]}")
            if "canary" in text:
                found.append(f"{name}: the admin's password")
        return found


def _listen(ports: dict[str, int]) -> str:
    return "[api]\n" + "".join(f"{name}_listen = 127.0.0.1:{port}/\n" for name, port in ports.items())


class Client:
    """The compute API over HTTP, as plainly as possible: the bench measures the platform, not a client.

    Logged in to ``project`` as its admin; ``twin``: speaks to the second iaas-api.
    """

    def __init__(self, cloud: Processes, project: str = "admin", twin: bool = False) -> None:
        self.cloud, self.project, self.twin = cloud, project, twin
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self.http = httpx.Client(timeout=60, limits=limits)
        self.login()

    def login(self) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
        scope = {"project": {"name": self.project, "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": scope}}
        answer = self.http.post(f"{self.cloud.url('identity')}/v3/auth/tokens", json=body)
        assert answer.status_code == 201, answer.text
        self.token: str = answer.headers["X-Subject-Token"]
        self.grant: dict[str, Any] = answer.json()["token"]
        self.http.headers = {"X-Auth-Token": self.token, "OpenStack-API-Version": "compute 2.37"}
        return self.token

    def request(self, method: str, path: str, body: Any = None, service: str = "compute") -> httpx.Response:
        prefix = {"compute": "/v2.1", "image": "/v2", "network": "/v2.0", "identity": "/v3"}[service]
        twin = self.twin and service in ("compute", "network")
        return self.http.request(method, f"{self.cloud.url(service, twin)}{prefix}{path}", json=body)

    def json(self, method: str, path: str, body: Any = None, service: str = "compute") -> Any:
        answer = self.request(method, path, body, service)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def hypervisors(self) -> list[Any]:
        return list(self.json("GET", "/os-hypervisors")["hypervisors"])

    def wired_hosts(self) -> set[str]:
        """Hosts whose network agent is alive."""
        agents = self.json("GET", "/agents", service="network")["agents"]
        return {agent["host"] for agent in agents if agent["alive"]}

    def image(self) -> str:
        """A tiny raw image, public."""
        made = self.json("POST", "/images", {"name": "tiny", "disk_format": "raw", "container_format": "bare",
                                              "visibility": "public"}, "image")  # fmt: skip
        url = f"{self.cloud.url('image')}/v2/images/{made['id']}/file"
        answer = self.http.put(url, content=b"\0" * 1024, headers={"Content-Type": "application/octet-stream"})
        assert answer.status_code == 204, answer.text
        return str(made["id"])

    def network(self, cidr: str, **subnet: Any) -> str:
        """A network of the project with one subnet, with DHCP unless ``subnet`` says otherwise; its id."""
        made = self.json("POST", "/networks", {"network": {"name": cidr}}, "network")["network"]
        body = {"network_id": made["id"], "cidr": cidr, "ip_version": 4, **subnet}
        self.json("POST", "/subnets", {"subnet": body}, "network")
        return str(made["id"])

    def join(self, project: str) -> Client:
        """A client of a new project, whose admin is the same user."""
        made = self.json("POST", "/projects", {"project": {"name": project}}, "identity")["project"]
        role = next(role["id"] for role in self.grant["roles"] if role["name"] == "admin")
        self.json("PUT", f"/projects/{made['id']}/users/{self.grant['user']['id']}/roles/{role}", None, "identity")
        return Client(self.cloud, project)

    def create(
        self, image: str, name: str = "vm", networks: Any = "none", flavor: str = "1", **more: Any
    ) -> httpx.Response:
        server = {"name": name, "imageRef": image, "flavorRef": flavor, "networks": networks, **more}
        return self.request("POST", "/servers", {"server": server})

    def servers(self, **query: str) -> list[Any]:
        url = f"{self.cloud.url('compute', self.twin)}/v2.1/servers/detail"
        answer = self.http.get(url, params={"limit": "1000", **query})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["servers"])
