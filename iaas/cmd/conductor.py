"""iaas-conductor: runs the flows that span services, and writes on behalf of hosts. Run any number of them."""

from __future__ import annotations

from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.cmd.listen import url
from iaas.cmd.start import start
from iaas.cmd.strategy import identity_of
from iaas.compute.facade import ComputeFacade
from iaas.conductor.service import ConductorService, Parts
from iaas.conductor.worker import pool
from iaas.config import sections
from iaas.image.facade import ImageFacade
from iaas.network.facade import NetworkFacade
from iaas.network.settings import Settings
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.network import NetworkAgentRpc
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices

PURGE_S = 300.0
OFFLOAD_S = 15.0


def main() -> None:
    process = start("iaas-conductor")
    database = process.database()
    transport = connect(process.section(sections.Bus))
    client = Client(transport)
    options, api = process.section(sections.Conductor), process.section(sections.Api)
    look = NetworkAgentRpc(client).look
    quota = process.section(sections.Quota)
    network = NetworkFacade(Settings.of(process.section(sections.Network), quota, look))
    parts = Parts(
        database=database,
        bus=client,
        network=network,
        compute=ComputeFacade(
            database=database,
            network=network,
            default_zone=process.section(sections.Scheduler).default_availability_zone,
            domain=process.section(sections.Network).domain,
        ),
        volume=VolumeFacade(VolumeServices.of(database, ConductorRpc(client), quota, options.deadline)),
        image=ImageFacade(process.section(sections.Image).project_images),
        identity=identity_of(process, database),
        image_url=url(api, "image"),
        options=options,
        owner=f"{process.host}/{process.daemon.boot_id}",
    )
    executor = pool(options.workers)
    conductor = ConductorService(parts, executor)
    server = Server(transport, ConductorRpc, conductor.endpoint, workers=2, prefetch=64).start()
    process.beat_over(client)  # through the broker on purpose: hosts are judged against this beat
    process.daemon.every(1.0, "heartbeats", conductor.flush)
    process.daemon.every(options.sweep, "sweeper", conductor.sweep)
    process.daemon.every(options.lease / 3, "leases", conductor.renew)
    process.daemon.every(OFFLOAD_S, "offload", conductor.offload)
    process.daemon.every(PURGE_S, "purge", conductor.purge)
    process.daemon.on_stop(database.close)
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(lambda: executor.shutdown(wait=True, cancel_futures=True))
    process.daemon.on_stop(server.stop)
    process.daemon.run()
