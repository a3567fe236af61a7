"""Reading: lists of 1,000 servers, one server, a token's validation. CPU-ms a request, beside real OpenStack's.

    python bench/lists.py [--servers 1000] [--database URL]

The rows are written straight into the database (real OpenStack's 1,000 were, too, for the most part); everything else
is the real API over HTTP. The reference is shared/research/openstack-zed-figures.md, one client. CPU-ms are of all
daemons together, so they hold on a noisy machine; nothing is asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.servers import cpu_ms
from iaas.context import Context
from iaas.db.compute import nodes, servers
from iaas.db.engine import Database, Tx
from iaas.ids import new_request_id, new_uuid
from iaas.model.flavor import Flavor
from iaas.model.network import NetworkRequest
from iaas.model.order import Power, Resources
from iaas.network.facade import NetworkFacade
from iaas.network.settings import Settings
from tests.integration.processes import Client, Processes
from tests.integration.rabbit import Rabbit

HOSTS = 32
FLAVOR = Flavor(id="1", name="m1.tiny", ram_mb=512, disk_gb=1, vcpus=1)
BATCH = 100


class Population:
    """Writes ACTIVE servers of the client's project."""

    def __init__(self, database: Database, client: Client) -> None:
        self.database = database
        user, project = client.grant["user"]["id"], client.grant["project"]["id"]
        self.context = Context(request_id=new_request_id(), user_id=user, project_id=project, roles=("admin",))
        limits = dict.fromkeys(("networks", "subnets", "ports", "security_groups", "security_group_rules"), -1)
        self.network = NetworkFacade(Settings(look=lambda host: None, physical={}, limits=limits))
        database.run(self._hosts)

    def _hosts(self, tx: Tx) -> None:
        for number in range(HOSTS):
            name = f"host{number}"
            has = Resources(vcpus=64, ram_mb=262144, disk_gb=10000, hypervisor_type="fake", hypervisor_version=1,
                            hypervisor_hostname=name, cpu_arch="x86_64", host_ip="127.0.0.1")  # fmt: skip
            nodes.record(tx, name, has)

    def write(self, count: int, network_id: str | None = None) -> list[str]:
        """Their ids; with a network, each has a port and an address there."""
        made: list[str] = []
        while len(made) < count:
            made += self.database.run(lambda tx: [self._one(tx, network_id) for _ in range(BATCH)])
        return made

    def _one(self, tx: Tx, network_id: str | None) -> str:
        server_id = new_uuid()
        context = self.context
        servers.insert(tx, {
            "id": server_id, "project_id": context.project_id, "user_id": context.user_id, "name": f"vm-{server_id}",
            "description": None, "hostname": "vm", "image_id": new_uuid(), "flavor_id": FLAVOR.id, "flavor": FLAVOR,
            "user_data": None, "key_name": None, "key_data": None, "availability_zone": None, "config_drive": False,
            "reservation_id": "r-bench", "launch_index": 0,
        })  # fmt: skip
        if network_id:
            self.network.allocate(tx, context, server_id, (NetworkRequest(network_id=network_id),), ())
        host = f"host{hash(server_id) % HOSTS}"
        servers.change(tx, server_id, {"state": "active", "task": None, "power": Power.RUNNING, "host": host,
                                       "node": host, "launched_at": tx.now()})  # fmt: skip
        return server_id


class Meter:
    def __init__(self, cloud: Processes) -> None:
        self.pids = {name: process.pid for name, process in cloud.daemons.items()}

    def measure(self, name: str, request: Callable[[], object], times: int, zed: float) -> None:
        """CPU-ms a request of all daemons together, less what they use while idle; and the median of the time."""
        for _ in range(3):
            request()
        idle = self._spent(lambda: time.sleep(2)) / 2000
        took: list[float] = []

        def work() -> None:
            for _ in range(times):
                began = time.monotonic()
                request()
                took.append((time.monotonic() - began) * 1000)

        each = (self._spent(work) - idle * sum(took)) / times
        print(f"{name:46}{each:8.2f} CPU-ms  p50 {statistics.median(took):7.1f} ms   Zed {zed:6.0f}: "
              f"ratio {each / zed:.3f} = 1/{zed / each:.0f}")  # fmt: skip

    def _spent(self, work: Callable[[], object]) -> float:
        before = sum(cpu_ms(self.pids).values())
        work()
        return sum(cpu_ms(self.pids).values()) - before


def measure(cloud: Processes, database: Database, count: int) -> None:
    client, meter = cloud.client, Meter(cloud)
    population = Population(database, client)
    plain = population.write(count)
    meter.measure(f"servers/detail?limit=1000 of {count}", lambda: client.servers(), 10, 2006)
    meter.measure(f"servers/detail?limit=100 of {count}", lambda: client.servers(limit="100"), 50, 196)
    meter.measure("servers/{id}", lambda: client.json("GET", f"/servers/{plain[0]}"), 200, 50)
    wired = client.join("wired")
    network = wired.network("10.0.0.0/16", enable_dhcp=False)
    Population(database, wired).write(count, network)
    meter.measure("servers/detail?limit=1000, a port each (Zed: none)", lambda: wired.servers(), 10, 2006)
    meter.measure("flavors/detail", lambda: client.json("GET", "/flavors/detail"), 200, 8.2)
    path, headers = f"{cloud.url('identity')}/v3/auth/tokens", {"X-Subject-Token": client.token}
    meter.measure("token validate", lambda: client.http.get(path, headers=headers).raise_for_status(), 300, 17)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--database")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iaas-bench-") as directory:
        (Path(directory) / "rabbit").mkdir()
        rabbit = Rabbit(Path(directory) / "rabbit", "lists")
        rabbit.start()
        cloud = Processes(Path(directory), rabbit, options.database, hosts=0)
        try:
            cloud.up()
            url = options.database or f"sqlite:///{directory}/iaas.sqlite"
            measure(cloud, Database(url), options.servers)
        except BaseException:
            print(cloud.warnings(), file=sys.stderr)
            raise
        finally:
            cloud.down()
            rabbit.close()


if __name__ == "__main__":
    main()
