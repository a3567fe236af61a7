"""iaas-volume: keeps the bytes of volumes on one host. Opens no database."""

from __future__ import annotations

from pathlib import Path

from iaas import plugins
from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.cmd.start import start
from iaas.config import sections
from iaas.host.executor import Pool
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.volume import VolumeRpc
from iaas.volume.agent.fences import Fences
from iaas.volume.agent.service import VolumeAgent
from iaas.volume.drivers.driver import DriverSettings

WORKERS = 4
FLUSH_S = 2.0
TIDY_S = 60.0


def main() -> None:
    process = start("iaas-volume")
    options = process.section(sections.Volume)
    transport = connect(process.section(sections.Bus))
    client = Client(transport)
    state_dir = Path(options.state_dir)
    settings = DriverSettings(state_dir=state_dir, capacity_gb=options.capacity_gb)
    pool = Pool(WORKERS, "order")
    agent = VolumeAgent(
        host=process.host,
        driver=plugins.load("iaas.volume.drivers", options.driver)(settings),
        fences=Fences(state_dir, durable=options.driver != "fake"),
        conductor=ConductorRpc(client),
        executor=pool,
    )
    server = Server(transport, VolumeRpc, agent.endpoint, host=process.host, workers=2).start()
    process.beat_over(client)
    process.daemon.every(FLUSH_S, "reports", agent.flush)
    process.daemon.every(TIDY_S, "tidy", agent.tidy)
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(lambda: pool.stop(2))
    process.daemon.on_stop(server.stop)
    process.daemon.run()
