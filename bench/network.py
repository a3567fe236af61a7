"""The network's host side: throughput over VXLAN beside a plain bridge, and what a look and one more port cost as ports
on the host grow.

    python bench/network.py [--seconds 3] [--ports 1,100,300]

Needs root; makes hosts of namespaces (tests/integration/network_host.py). Guests are namespaces too, so that QEMU is
not measured; the senders are Python, and single streams. CPU-ms include the tools that are started, and hold on noisy
machines. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from iaas.model.wiring import HostWiring, PortWiring, bridge_name
from tests.integration.network_host import Host, Site, guest_of
from tests.integration.network_rig import Rig
from tests.unit.network.wishes import ZONE, group, network, port, rule, tunnelled, uid, wish

MTU = 1450
RECEIVER = """
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
room = memoryview(bytearray(1 << 20))
while True:
    stream, _ = server.accept()
    while stream.recv_into(room):
        pass
"""
SENDER = """
import socket, sys, time
stream = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
data, sent, started = bytes(1 << 20), 0, time.monotonic()
while time.monotonic() - started < float(sys.argv[3]):
    stream.sendall(data)
    sent += len(data)
print(sent * 8 / (time.monotonic() - started) / 1e9)
"""


def receive(rig: Rig, item: PortWiring) -> None:
    rig.runner.spawn([sys.executable, "-c", RECEIVER, "5201"], netns=guest_of(rig, item).name)


def send(rig: Rig, item: PortWiring, ip: str, seconds: float) -> float:
    """Gbit/s."""
    for _ in range(50):
        code, words = guest_of(rig, item).run(sys.executable, "-c", SENDER, ip, "5201", str(seconds), timeout=30)
        if code == 0:
            return float(words)
        time.sleep(0.1)
    raise RuntimeError(words)


def end(rig: Rig) -> None:
    """The receivers; the guests."""
    for guest in list(rig.guests):
        pids = rig.runner.run(["ip", "netns", "pids", guest.name], timeout=5).stdout.split()
        if pids:
            rig.runner.run(["kill", *pids], timeout=5, ok_codes=(0, 1))
        guest.remove()
        rig.guests.remove(guest)


def stream(sender: Host, receiver: Host, ports: tuple[PortWiring, PortWiring], bridge: str, seconds: float) -> float:
    for host, item in ((sender, ports[0]), (receiver, ports[1])):
        host.guest(item, bridge, f"{item.ips[0]}/24")
        host.run(shrink, item)
    receiver.run(receive, ports[1])
    rate: float = sender.run(send, ports[0], ports[1].ips[0], seconds)
    for host in {sender, receiver}:
        host.run(end)
    return rate


def shrink(rig: Rig, item: PortWiring) -> None:
    guest_of(rig, item).run("ip", "link", "set", "eth0", "mtu", str(MTU))


def plain_bridge(rig: Rig) -> None:
    rig.ip("link", "add", "plain", "type", "bridge", "forward_delay", "0")
    rig.ip("link", "set", "plain", "up")


def throughput(seconds: float) -> None:
    opened = group("open", rule())
    a, b = (port(f"p{n}", "net", n, f"10.0.0.1{n}", "open") for n in (1, 2))
    with tempfile.TemporaryDirectory() as directory:
        site = Site(Path(directory))
        try:
            one, two, bare = site.host(), site.host(), site.host()
            bare.run(plain_bridge)
            plain = stream(bare, bare, (a, b), "plain", seconds)
            one.wire(wish((network("net", "10.0.0.0/24", dhcp=False, mtu=MTU),), (a, b), (opened,)))
            local = stream(one, one, (a, b), bridge_name(uid("net")), seconds)
            ends = {one.address: [a], two.address: [b]}
            for host in (one, two):
                net = tunnelled("net", "10.0.0.0/24", 5000, host.address, ends)
                host.wire(wish((net,), tuple(ends[host.address]), (opened,)))
            tunnel = stream(one, two, (a, b), bridge_name(uid("net")), seconds)
        finally:
            site.clear()
    print(f"one TCP stream, MTU {MTU}, Gbit/s")
    print(f"  plain bridge, no rules             {plain:6.2f}")
    print(f"  our bridge, security groups        {local:6.2f}   {local / plain:5.2f} of plain")
    print(f"  VXLAN to another host, groups      {tunnel:6.2f}   {tunnel / plain:5.2f} of plain")


def crowd(count: int) -> HostWiring:
    """``count`` ports on one network, ten to a security group of three rules that name remote groups."""
    ports = tuple(
        port(
            f"c{n}",
            "net",
            n,
            f"10.8.{n // 250}.{n % 250 + 3}",
            f"g{n // 10}",
            mac=f"fa:16:3e:01:{n >> 8:02x}:{n & 255:02x}",
        )
        for n in range(count)
    )
    groups = tuple(
        group(f"g{g}", rule(protocol="tcp", port_min=22, port_max=22), rule(protocol="icmp"),
              rule(remote_group_id=uid(f"g{g}")),
              members=tuple(item.ips[0] for item in ports[g * 10 : g * 10 + 10]))
        for g in range((count + 9) // 10)
    )  # fmt: skip
    net = network("net", "10.8.0.0/16", ports, zone=ZONE)
    assert net.dhcp is not None
    return wish((replace(net, mtu=MTU),), ports, groups)


def cost(rig: Rig, wanted: HostWiring) -> tuple[float, float]:
    """(wall, CPU) ms of the round that reaches the wish."""
    rig.controller.wish = wanted
    rig.loop.look()
    before, started = _cpu(), time.monotonic()
    assert rig.loop.round()
    return (time.monotonic() - started) * 1000, _cpu() - before


def _cpu() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in spent) * 1000


def growth(sizes: list[int]) -> None:
    print("a host's agent, ms (wall / CPU)")
    print("  ports    all at once         one more port       a look, nothing new")
    with tempfile.TemporaryDirectory() as directory:
        for size in sizes:
            site = Site(Path(tempfile.mkdtemp(dir=directory)))
            try:
                host = site.host()
                first = host.run(cost, crowd(size))
                more = min(host.run(cost, crowd(size + extra)) for extra in (1, 2, 3))
                idle = min(host.run(cost, crowd(size + 3)) for _ in range(3))
            finally:
                site.clear()
            cells = "  ".join(f"{wall:8.1f} / {cpu:7.1f}" for wall, cpu in (first, more, idle))
            print(f"  {size:5d} {cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each stream")
    parser.add_argument("--ports", default="1,100,300", help="numbers of ports on a host")
    arguments = parser.parse_args()
    throughput(arguments.seconds)
    growth([int(size) for size in arguments.ports.split(",")])


if __name__ == "__main__":
    main()
