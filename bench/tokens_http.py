"""Tokens over HTTP, from a real iaas-identity: requests a second and CPU-ms a request at concurrency 1 and 8.

    python bench/tokens_http.py [--seconds 5] [--rounds 12]

Issuing is almost all bcrypt, so its reference is a bare bcrypt check of the same cost in this process; validating
(GET /v3/auth/tokens with the token of another) is held against GET /v3 of the same daemon. Real Keystone (Zed, same
kind of machine): 308 CPU-ms to issue, 15 to 22 to validate. CPU-ms hold on noisy machines; rates do not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import bcrypt
import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.servers import cpu_ms
from tests.integration.processes import PASSWORD, Processes, wait
from tests.integration.rabbit import Rabbit

ZED = {"issue": 308.0, "validate": 15.0}
USER = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
LOGIN = {"auth": {
    "identity": {"methods": ["password"], "password": {"user": USER}},
    "scope": {"project": {"name": "admin", "domain": {"id": "default"}}},
}}  # fmt: skip


class Load:
    """Clients that ask one thing again and again for some seconds, each over a connection of its own."""

    def __init__(self, url: str, pid: int, seconds: float) -> None:
        self.url, self.pids, self.seconds = url, {"identity": pid}, seconds

    def run(self, name: str, clients: int, ask: Callable[[httpx.Client], httpx.Response], status: int) -> float:
        """Prints the rate and gives CPU-ms a request."""
        counts, end = [0] * clients, time.monotonic() + self.seconds
        before = cpu_ms(self.pids)["identity"]

        def client(index: int) -> None:
            with httpx.Client(base_url=self.url, timeout=30) as http:
                while time.monotonic() < end:
                    answer = ask(http)
                    assert answer.status_code == status, answer.text
                    counts[index] += 1

        threads = [threading.Thread(target=client, args=(index,)) for index in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        each = (cpu_ms(self.pids)["identity"] - before) / sum(counts)
        rate = sum(counts) / self.seconds
        print(f"{name:12} concurrency {clients}: {rate:7.1f}/s, {each:7.2f} CPU-ms a request", end="")
        return each


def bare(rounds: int) -> float:
    known = bcrypt.hashpw(b"x", bcrypt.gensalt(rounds))
    started = time.process_time()
    for _ in range(3):
        bcrypt.checkpw(b"x", known)
    return (time.process_time() - started) * 1000 / 3


def measure(cloud: Processes, seconds: float, rounds: int) -> None:
    load = Load(cloud.url("identity"), cloud.daemons["identity"].pid, seconds)
    with httpx.Client(base_url=load.url, timeout=30) as http:
        answer = http.post("/v3/auth/tokens", json=LOGIN)
        assert answer.status_code == 201, answer.text
        token = answer.headers["X-Subject-Token"]
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    hashed = bare(rounds)
    for clients in (1, 8):
        floor = load.run("GET /v3", clients, lambda http: http.get("/v3"), 200)
        print()
        each = load.run("validate", clients, lambda http: http.get("/v3/auth/tokens?nocatalog", headers=headers), 200)
        print(f"; GET /v3 x {each / floor:.2f}; Keystone {ZED['validate']:.0f}: 1/{ZED['validate'] / each:.0f}")
        each = load.run("issue", clients, lambda http: http.post("/v3/auth/tokens", json=LOGIN), 201)
        print(f"; bcrypt x {each / hashed:.2f}; Keystone {ZED['issue']:.0f}: 1/{ZED['issue'] / each:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=12, help="bcrypt's cost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iaas-bench-") as directory:
        (Path(directory) / "rabbit").mkdir()
        rabbit = Rabbit(Path(directory) / "rabbit", "bench")
        rabbit.start()
        cloud = Processes(Path(directory), rabbit, hosts=0, options={"auth": f"bcrypt_rounds = {options.rounds}"})
        try:
            password = Path(directory) / "password"
            password.write_text(PASSWORD)
            for words in (("db", "upgrade"), ("bootstrap", "--admin-password-file", str(password))):
                done = cloud.manage(*words)
                assert done.returncode == 0, done.stderr
            cloud.start("identity")
            wait(lambda: _answers(cloud.url("identity")), 30, "iaas-identity does not answer")
            measure(cloud, options.seconds, options.rounds)
        finally:
            cloud.down()
            rabbit.close()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v3").status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    main()
