"""N servers through the real API, broker and daemons on fake hypervisors: CPU per server, rates, latencies, memory.

    python bench/servers.py [--servers 50 200] [--hosts 8] [--clients 8] [--database URL]

With several numbers the second storm comes on top of the first: the cost of a boot must not grow with the servers that
there are, and what the servers that only run cost is told a second (idle).

The reference is real OpenStack on the same kind of machine (shared/research/openstack-zed-figures.md): 982 CPU-ms per
boot and 602 per delete with 50 servers on 8 fake hosts, 2,006 to 2,210 CPU-ms for a list of 1,000 servers, 2,425 MiB
without the computes. CPU-ms hold on noisy machines; rates do not. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.integration.processes import Processes
from tests.integration.rabbit import Rabbit

TICKS_MS = 10.0
ZED = {"boot": 982.0, "delete": 602.0, "list": 2006.0, "memory": 2425.0}


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def cpu_ms(pids: dict[str, int]) -> dict[str, float]:
    """CPU time so far, user and system, of each process with its descendants."""
    spent = {}
    for name, root in pids.items():
        total = 0.0
        for pid in tree(root):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[11]) + int(fields[12])) * TICKS_MS
        spent[name] = total
    return spent


def pss_mib(pids: dict[str, int]) -> dict[str, float]:
    sizes = {}
    for name, root in pids.items():
        lines = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in tree(root)]
        sizes[name] = sum(int(text.split("Pss:")[1].split()[0]) for text in lines) / 1024
    return sizes


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Storm:
    def __init__(self, cloud: Processes, clients: int) -> None:
        self.cloud, self.pool = cloud, ThreadPoolExecutor(clients)
        self.pids = {name: process.pid for name, process in cloud.daemons.items()}
        self.pids["rabbitmq"] = cloud.rabbit.pid

    def boot(self, image: str, count: int) -> None:
        client = self.cloud.client
        before, began = cpu_ms(self.pids), time.monotonic()
        posted: dict[str, float] = {}

        def post(number: int) -> float:
            start = time.monotonic()
            answer = client.create(image, f"vm{number}")
            assert answer.status_code == 202, answer.text
            posted[answer.json()["server"]["id"]] = start
            return (time.monotonic() - start) * 1000

        calls = list(self.pool.map(post, range(count)))
        active: dict[str, float] = {}
        while len(active) < count:
            for server in client.servers(status="ACTIVE"):
                if server["id"] in posted:
                    active.setdefault(server["id"], time.monotonic() - posted[server["id"]])
            time.sleep(0.5)
        total = time.monotonic() - began
        self._report("boot", count, total, calls, before, list(active.values()))

    def delete(self) -> None:
        client = self.cloud.client
        ids = [server["id"] for server in client.servers()]
        before, began = cpu_ms(self.pids), time.monotonic()

        def remove(server_id: str) -> float:
            start = time.monotonic()
            assert client.request("DELETE", f"/servers/{server_id}").status_code == 204
            return (time.monotonic() - start) * 1000

        calls = list(self.pool.map(remove, ids))
        while client.json("GET", "/servers?limit=1")["servers"]:
            time.sleep(0.5)
        self._report("delete", len(ids), time.monotonic() - began, calls, before, [])

    def listing(self, times: int = 3) -> None:
        client = self.cloud.client
        before, took = cpu_ms(self.pids), []
        for _ in range(times):
            start = time.monotonic()
            count = len(client.servers())
            took.append((time.monotonic() - start) * 1000)
        spent = (cpu_ms(self.pids)["api"] - before["api"]) / times
        ratio = spent / ZED["list"] * 1000 / max(count, 1)
        print(f"list      {count} servers in detail: {spent:.0f} CPU-ms, {statistics.median(took):.0f} ms; "
              f"Zed needs {ZED['list']:.0f} CPU-ms for 1000: ratio {ratio:.3f}")  # fmt: skip

    def _report(
        self, what: str, count: int, total: float, calls: list[float], before: dict[str, float], waits: list[float]
    ) -> None:
        after = cpu_ms(self.pids)
        spent = {name: (after[name] - before[name]) / count for name in after}
        hosts = sum(ms for name, ms in spent.items() if "@" in name)
        each = sum(spent.values())
        print(f"{what:9} {count} servers in {total:.1f} s: {count / total:.1f}/s, call p50 "
              f"{percentile(calls, 0.5):.0f} ms p95 {percentile(calls, 0.95):.0f} ms")  # fmt: skip
        if waits:
            print(f"          POST to ACTIVE p50 {percentile(waits, 0.5):.2f} s p95 {percentile(waits, 0.95):.2f} s")
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in spent.items() if "@" not in name)
        print(f"          {each:.1f} CPU-ms per server ({parts}, hosts {hosts:.1f}); Zed {ZED[what]:.0f}: "
              f"ratio {each / ZED[what]:.3f} = 1/{ZED[what] / each:.0f}")  # fmt: skip

    def idle(self, seconds: float = 10.0) -> None:
        """What all daemons use while nothing is asked of them."""
        before = cpu_ms(self.pids)
        time.sleep(seconds)
        after = cpu_ms(self.pids)
        spent = {name: (after[name] - before[name]) / seconds for name in after}
        hosts = sum(ms for name, ms in spent.items() if "@" in name)
        parts = ", ".join(f"{name} {ms:.1f}" for name, ms in spent.items() if "@" not in name)
        print(f"idle      {sum(spent.values()):.1f} CPU-ms a second ({parts}, hosts {hosts:.1f})")

    def remember(self) -> None:
        """The memory before the storm, to be shown beside what it is after it."""
        self.sizes = pss_mib(self.pids)

    def memory(self) -> None:
        sizes = pss_mib(self.pids)
        hosts = [name for name in sizes if "@" in name]
        shown = {name: (self.sizes[name], sizes[name]) for name in sizes if name not in hosts}
        total = tuple(sum(pair[index] for pair in shown.values()) for index in (0, 1))
        shown["a host"] = tuple(statistics.mean(each[name] for name in hosts) for each in (self.sizes, sizes))
        words = ", ".join(f"{name} {before:.0f} -> {after:.0f}" for name, (before, after) in shown.items())
        print(f"memory    MiB PSS, before and after: {words}")
        print(f"          {total[0]:.0f} -> {total[1]:.0f} without the hosts; "
              f"Zed {ZED['memory']:.0f}: ratio {total[1] / ZED['memory']:.3f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, nargs="+", default=[50, 200], help="how many there are after each storm")
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iaas-bench-") as directory:
        (Path(directory) / "rabbit").mkdir()
        rabbit = Rabbit(Path(directory) / "rabbit", "bench")
        rabbit.start()
        cloud = Processes(Path(directory), rabbit, options.database, options.hosts)
        try:
            cloud.up()
            storm = Storm(cloud, options.clients)
            storm.remember()
            image, there = cloud.client.image(), 0
            storm.idle()
            for number in options.servers:
                storm.boot(image, number - there)
                there = number
                storm.listing()
                storm.idle()
            storm.delete()
            storm.memory()
        except BaseException:
            print(cloud.logs(), file=sys.stderr)
            raise
        finally:
            cloud.down()
            rabbit.close()


if __name__ == "__main__":
    main()
