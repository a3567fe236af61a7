"""What the bus costs: casts and calls per second and CPU per message on each side, beside kombu's own publishing.

    python bench/bus.py [messages]            starts a RabbitMQ of its own
    python bench/bus.py [messages] amqp://…   uses the one there is

The receiving side runs in a process of its own, so that each side's CPU is counted apart.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.config.sections import Bus
from iaas.ids import new_hex
from iaas.model.order import Action, GuestSpec, ImageSource, Nic, Order
from iaas.rpc.compute import ComputeRpc
from tests.integration.rabbit import Rabbit

IMAGE = ImageSource(id="i" * 36, url="http://127.0.0.1:9292/v2/images/x/file", token="t" * 200, format="qcow2",
                    size=1, hash_algo="sha512", hash_value="0" * 128, virtual_size=1)  # fmt: skip
NIC = Nic(port_id="p" * 36, mac="fa:16:3e:00:00:01", tap="tap0", bridge="brq0", mtu=1500)
GUEST = GuestSpec(server_id="s" * 36, name="vm", project_id="p" * 32, user_id="u" * 32, flavor="m1.small", vcpus=1,
                  ram_mb=512, disk_gb=1, ephemeral_gb=0, swap_mb=0, image=IMAGE, nics=(NIC,))  # fmt: skip
ORDER = Order(operation_id="o" * 36, step="boot", fence=1, attempt=1, server_id="s" * 36,
              action=Action.BUILD, guest=GUEST)  # fmt: skip


class Host:
    """An endpoint that does nothing but count."""

    def __init__(self) -> None:
        self.orders = 0

    def execute(self, order: Order) -> None:
        self.orders += 1

    def cache_image(self, image: Any) -> None:
        raise NotImplementedError

    def console_output(self, server_id: str, lines: int | None) -> str:
        return "login:"

    def open_console(self, server_id: str) -> Any:
        raise NotImplementedError

    def inventory(self) -> Any:
        raise NotImplementedError

    def offer(self, server_id: str, fence: int) -> Any:
        raise NotImplementedError

    def disks(self, server_id: str, fence: int) -> Any:
        raise NotImplementedError

    def config_drive(self, server_id: str, fence: int, offset: int) -> bytes:
        raise NotImplementedError

    def withdraw(self, server_id: str, fence: int) -> None:
        raise NotImplementedError

    def abort_migration(self, server_id: str) -> None:
        raise NotImplementedError

    def hasten_migration(self, server_id: str) -> None:
        raise NotImplementedError


def serve(bus: Bus, pipe: Pipe) -> None:
    """The receiving process: answers "how many orders, how much CPU" whenever asked."""
    host = Host()
    transport = connect(bus)
    Server(transport, ComputeRpc, host, host="h1").start().ready(30)
    pipe.send((0, 0.0))
    while pipe.recv():
        pipe.send((host.orders, time.process_time()))
    transport.close()


def timed(action: Callable[[], None], count: int, threads: int = 1) -> tuple[float, float]:
    """Runs the action ``count`` times; wall and CPU seconds of this process."""

    def loop() -> None:
        for _ in range(count // threads):
            action()

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    wall, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - wall, time.process_time() - cpu


def raw_kombu(url: str, prefix: str, count: int) -> tuple[float, float]:
    """kombu's Producer with confirmations, into a quorum queue, the body already encoded."""
    from kombu.connection import Connection
    from kombu.messaging import Producer

    from iaas.bus import codec

    method = ComputeRpc.methods()["execute"]
    body = codec.encode_request(method, "1.0", {"order": ORDER}, id="1", context=None)
    make: Any = Connection  # untyped, as Producer is
    publisher: Any = Producer
    with make(url, transport_options={"confirm_publish": True}) as connection:
        channel = connection.channel()
        queue = f"{prefix}.raw"
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
        producer = publisher(channel)

        def publish() -> None:
            producer.publish(body, routing_key=queue, content_type="application/json",
                             content_encoding="utf-8", mandatory=True)  # fmt: skip

        timed(publish, 50)
        result = timed(publish, count)
        channel.queue_delete(queue)
    return result


def report(name: str, count: int, mine: tuple[float, float], peer: float | None = None) -> None:
    wall, cpu = mine
    other = "" if peer is None else f"   receiver {1000 * peer / count:.3f} ms CPU"
    print(f"{name:<28}{count / wall:8.0f} /s   sender {1000 * cpu / count:.3f} ms CPU{other}")


def measure(url: str, count: int) -> None:
    bus = Bus(urls=(url,), prefix=f"bench{new_hex()[:8]}")
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(bus, there))
    process.start()
    here.recv()
    transport = connect(bus)
    rpc = ComputeRpc(Client(transport))

    def peer() -> tuple[int, float]:
        here.send(True)
        answer: tuple[int, float] = here.recv()
        return answer

    def run(name: str, action: Callable[[], Any], threads: int, orders: bool) -> tuple[float, float]:
        before = peer()
        mine = timed(action, count, threads)
        while orders and peer()[0] - before[0] < count // threads * threads:
            time.sleep(0.01)
        report(name, count, mine, peer()[1] - before[1])
        return mine

    rpc.execute("h1", ORDER)
    rpc.console_output("h1", "s", None)
    cast = run("cast, 1 thread", lambda: rpc.execute("h1", ORDER), 1, True)
    run("cast, 8 threads", lambda: rpc.execute("h1", ORDER), 8, True)
    run("call, 1 thread", lambda: rpc.console_output("h1", "s", None), 1, False)
    run("call, 8 threads", lambda: rpc.console_output("h1", "s", None), 8, False)
    raw = raw_kombu(url, bus.prefix, count)
    report("raw kombu publish", count, raw)
    print(f"cast / raw kombu: {cast[0] / raw[0]:.2f} of the time, {cast[1] / raw[1]:.2f} of the CPU")
    here.send(False)
    process.join(10)
    transport.close()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with ExitStack() as stack:
        if len(sys.argv) > 2:
            url = sys.argv[2]
        else:
            broker = Rabbit(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="iaas-bench-"))))
            stack.callback(broker.close)
            broker.start()
            url = broker.url
        measure(url, count)


if __name__ == "__main__":
    main()
