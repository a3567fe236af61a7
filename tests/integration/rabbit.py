"""A RabbitMQ of the tests' own on free ports above 20000: pytest's session fixture ``rabbit``.

Starting takes 5 to 10 s. ``kill``, ``stop`` and ``wipe`` leave the broker down: follow with ``start``, for it
is shared. Use a queue prefix of your own in every test.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")


_PORTS = range(20001, 32768)  # below those from which the kernel takes one for an outgoing connection


def free_port() -> int:
    """A TCP port above 20000 on loopback that nobody listens on. No other test of this machine is given the same one
    until all have been, whichever process asks; nor does a client that connects to somewhere else get it meanwhile."""
    with (Path(tempfile.gettempdir()) / "iaas-test-ports").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        last = int(file.read() or 0)
        found = next(port for port in (*_PORTS[last + 1 :], *_PORTS[: last + 1]) if _is_free(port))
        file.truncate(0)
        file.write(str(_PORTS.index(found)))
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Rabbit:
    """One broker with its own epmd and directory. ``url`` stays the same over restarts. ``seed``: another one,
    whose cluster it joins at its first start, and whose epmd it uses."""

    def __init__(self, directory: Path, name: str = "iaasbus", seed: Rabbit | None = None) -> None:
        self.directory, self._seed = directory, seed
        self.port, self._distribution = free_port(), free_port()
        self._epmd_port: int = seed._epmd_port if seed else free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self._node = f"{name}{os.getpid()}@localhost"
        self._process: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None

    def url_as(self, user: str, password: str) -> str:
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}//"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, timeout: float = 90.0) -> None:
        """Starts the broker with whatever data are there, and waits until it takes connections."""
        self._prepare()
        if self._epmd is None and self._seed is None:
            self._epmd = subprocess.Popen(
                ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"], env=self._environment()
            )
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [str(SERVER)], env=self._environment(), stdout=output, stderr=output, start_new_session=True
            )
        end = time.monotonic() + timeout
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"RabbitMQ did not start: see {self.directory}/output")
            time.sleep(0.1)

    def stop(self, timeout: float = 60.0) -> None:
        """An orderly shutdown."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """SIGKILL of the whole broker, as by a power cut of the process."""
        self._end(signal.SIGKILL, 10.0)

    def wipe(self) -> None:
        """Kills the broker and deletes its data: all users, queues and messages (F-25)."""
        self.kill()
        shutil.rmtree(self.directory / "mnesia", ignore_errors=True)

    def pause(self) -> None:
        """SIGSTOP: alive, silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def control(self, *arguments: str) -> str:
        """rabbitmqctl; its output. Takes a second or two."""
        done = subprocess.run(
            [str(CONTROL), "-n", self._node, "-q", *arguments],
            env=self._environment(), capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout

    def flush(self) -> None:
        """Has the broker write its bookkeeping to disk now. A queue is safe from SIGKILL only some seconds after
        its creation (RabbitMQ 3.10 keeps the directory of quorum queues in memory for so long)."""
        self.control("eval", "[dets:sync(Table) || Table <- dets:all()].")

    def close(self) -> None:
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _end(self, number: int, timeout: float) -> None:
        if self._process is None:
            return
        self._signal(number)
        self._process.wait(timeout)
        self._signal(signal.SIGKILL)  # the port helpers of Erlang live in the same session
        self._process = None

    def _greets(self) -> bool:
        """The listener opens before the broker is through with booting: only a greeting counts."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as peer:
                peer.sendall(b"AMQP\x00\x00\x09\x01")
                peer.settimeout(5)
                return peer.recv(1) == b"\x01"
        except OSError:
            return False

    def _prepare(self) -> None:
        for name in ("mnesia", "log", "gen"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            "vm_memory_high_watermark.absolute = 512MB\n"
            "disk_free_limit.absolute = 50MB\n" + self._cluster()
        )

    def _cluster(self) -> str:
        if self._seed is None:
            return ""
        nodes = enumerate((self._seed._node, self._node), 1)
        return "".join(f"cluster_formation.classic_config.nodes.{number} = {node}\n" for number, node in nodes)

    def _environment(self) -> dict[str, str]:
        base = self.directory
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(base),
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(base / "mnesia"),
            "RABBITMQ_LOG_BASE": str(base / "log"),
            "RABBITMQ_PID_FILE": str(base / "pid"),
            "RABBITMQ_CONFIG_FILE": str(base / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(base / "plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(base / "gen"),
            "RABBITMQ_ERLANG_COOKIE": "iaastest",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +P 65536 +t 1048576",
        }


def broker() -> Iterator[Rabbit]:
    """A fresh broker for the length of the iteration; skips where RabbitMQ is not installed, and says so."""
    if not SERVER.exists():
        pytest.skip(f"{SERVER} is not installed")
    with tempfile.TemporaryDirectory(prefix="iaas-rabbit-") as directory:
        rabbit = Rabbit(Path(directory))
        try:
            rabbit.start()
            yield rabbit
        finally:
            rabbit.close()


@contextlib.contextmanager
def cluster(brokers: int = 2) -> Iterator[list[Rabbit]]:
    """Brokers that know each other: each has every queue's name, and durable ones a copy on each."""
    with tempfile.TemporaryDirectory(prefix="iaas-rabbits-") as directory:
        made = [Rabbit(Path(directory) / "1", "iaasone")]
        made += [Rabbit(Path(directory) / str(number), f"iaas{number}th", made[0]) for number in range(2, brokers + 1)]
        try:
            for each in made:
                each.directory.mkdir()
                each.start()
            yield made
        finally:
            for each in reversed(made):
                each.close()


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Rabbit]:
    """The session's broker: leave it running."""
    yield from broker()
