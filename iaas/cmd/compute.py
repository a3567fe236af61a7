"""iaas-compute: carries out orders on one host. Opens no database."""

from __future__ import annotations

from pathlib import Path

from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.clock import SystemClock
from iaas.cmd import certificates
from iaas.cmd.hypervisor import make
from iaas.cmd.start import start
from iaas.compute.agent.doors import Listen
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.service import ComputeAgent
from iaas.config import sections
from iaas.host.executor import Pool
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc

LIGHT_WORKERS = 16  # made as needed; a stop holds one while the guest takes its time


def main() -> None:
    process = start("iaas-compute")
    options = process.section(sections.Compute)
    transport = connect(process.section(sections.Bus))
    real = options.driver != "fake"
    instances = Instances(Path(options.state_dir), durable=real)
    host_ip = process.await_address(options.host_ip)
    doors = None
    if real:
        pki = certificates.keep(process, Path(options.state_dir) / "pki", host_ip)  # QEMU reads them: qemu.conf
        if port := process.section(sections.Console).host_port:
            doors = Listen(address=host_ip, port=port, pki=pki)
    driver, disks, mover = make(options, instances, process.host, host_ip)
    heavy, light = Pool(options.workers, "build"), Pool(LIGHT_WORKERS, "order")
    spare = Pool(1, "prefetch")
    agent = ComputeAgent(
        host=process.host,
        address=host_ip,
        driver=driver,
        disks=disks,
        instances=instances,
        mover=mover,
        conductor=ConductorRpc(Client(transport)),
        peers=ComputeRpc(Client(transport)),
        clock=SystemClock(),
        heavy=heavy,
        light=light,
        spare=spare,
        doors=doors,
        reserved_ram_mb=options.reserved_ram_mb if real else 0,
        reserved_disk_gb=options.reserved_disk_gb if real else 0,
    )
    server = Server(transport, ComputeRpc, agent.endpoint, host=process.host).start()
    agent.start()
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(lambda: spare.stop(0))
    process.daemon.on_stop(lambda: light.stop(2))
    process.daemon.on_stop(lambda: heavy.stop(2))
    process.daemon.on_stop(agent.stop)
    process.daemon.on_stop(server.stop)
    process.daemon.run()
