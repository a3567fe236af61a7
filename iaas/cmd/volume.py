"""iaas-volume: keeps the bytes of volumes on one host, and serves them. Opens no database."""

from __future__ import annotations

from pathlib import Path

from iaas import plugins
from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.cmd import certificates
from iaas.cmd.start import start
from iaas.config import sections
from iaas.host.executor import Pool
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.volume import VolumeRpc
from iaas.volume.agent.service import VolumeAgent
from iaas.volume.drivers.driver import DriverSettings

WORKERS = 4
LOOK_S = 0.5
FLUSH_S = 2.0
TIDY_S = 60.0


def main() -> None:
    process = start("iaas-volume")
    options = process.section(sections.Volume)
    transport = connect(process.section(sections.Bus))
    client = Client(transport)
    state_dir, address = Path(options.state_dir), process.await_address()
    real = options.driver != "fake"
    settings = DriverSettings(
        state_dir=state_dir,
        capacity_gb=options.capacity_gb,
        reserved_gb=options.reserved_gb,
        address=address,
        port=options.port,
        pki=certificates.keep(process, state_dir / "pki", address) if real else None,
    )
    pool = Pool(WORKERS, "order")
    agent = VolumeAgent(
        host=process.host,
        address=address,
        driver=plugins.load("iaas.volume.drivers", options.driver)(settings),
        state_dir=state_dir,
        durable=real,
        conductor=ConductorRpc(client),
        executor=pool,
    )
    server = Server(transport, VolumeRpc, agent.endpoint, host=process.host, workers=2).start()
    process.daemon.every(LOOK_S, "exports", agent.look)
    process.beat_over(client, address=address, backend=agent.backend)
    process.daemon.every(FLUSH_S, "reports", agent.flush)
    process.daemon.every(TIDY_S, "tidy", agent.tidy)
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(lambda: pool.stop(2))
    process.daemon.on_stop(server.stop)
    process.daemon.run()
