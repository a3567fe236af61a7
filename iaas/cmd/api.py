"""iaas-api: the compute, network and volume APIs and metadata, on their ports or paths. Run any number of them."""

from __future__ import annotations

from iaas.api.compute.rules import RULES as COMPUTE_RULES
from iaas.api.metadata.service import Metadata
from iaas.api.network.rules import RULES as NETWORK_RULES
from iaas.api.volume.rules import RULES as VOLUME_RULES
from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.cmd.http import serve
from iaas.cmd.listen import console_url
from iaas.cmd.start import Start, start
from iaas.cmd.strategy import identity_of
from iaas.cmd.wsgi import application
from iaas.compute.facade import ComputeFacade
from iaas.compute.service import QUOTA_DEFAULTS, Compute
from iaas.config import sections
from iaas.db.engine import Database
from iaas.image.facade import ImageFacade
from iaas.network.facade import NetworkFacade
from iaas.network.service import NetworkServices
from iaas.network.settings import Settings
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.network import NetworkAgentRpc
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices


def main() -> None:
    process = start("iaas-api")
    database = process.database()
    transport = connect(process.section(sections.Bus))
    client = Client(transport)
    authenticate = identity_of(process, database).authenticate
    network = _network(process, database, client)
    quota, deadline = process.section(sections.Quota), process.section(sections.Conductor).deadline
    volume = VolumeServices.of(database, ConductorRpc(client), quota, deadline)
    compute = _compute(process, database, client, network, volume)
    facade = ComputeFacade(
        database=database, network=compute.network, default_zone=compute.default_zone,
        domain=process.section(sections.Network).domain,
    )  # fmt: skip
    metadata = Metadata(compute=facade, secret=process.section(sections.Auth).metadata_secret)
    api = process.section(sections.Api)
    apps = {
        api.compute_listen: application(process, "compute", compute, authenticate, COMPUTE_RULES),
        api.network_listen: application(process, "network", network, authenticate, NETWORK_RULES),
        api.volume_listen: application(process, "volume", volume, authenticate, VOLUME_RULES),
        api.metadata_listen: application(process, "metadata", metadata, authenticate),
    }
    process.daemon.on_stop(database.close)
    process.daemon.on_stop(transport.close)
    serve(process.daemon, apps, api.threads)
    process.beat_into(database)
    process.daemon.run()


def _network(process: Start, database: Database, client: Client) -> NetworkServices:
    look = NetworkAgentRpc(client).look
    settings = Settings.of(process.section(sections.Network), process.section(sections.Quota), look)
    return NetworkServices(database=database, settings=settings)


def _compute(
    process: Start, database: Database, client: Client, network: NetworkServices, volume: VolumeServices
) -> Compute:
    quota = process.section(sections.Quota)
    return Compute(
        database=database,
        image=ImageFacade(process.section(sections.Image).project_images),
        network=NetworkFacade(network.settings),
        volume=VolumeFacade(volume),
        conductor=ConductorRpc(client),
        hosts=ComputeRpc(client),
        quota={name: getattr(quota, name) for name in QUOTA_DEFAULTS},
        deadline_s=process.section(sections.Conductor).deadline,
        auto_floating=process.section(sections.Compute).auto_assign_floating_ip,
        force_config_drive=process.section(sections.Compute).force_config_drive,
        console_url=console_url(process.section(sections.Api), process.section(sections.Console)),
        default_zone=process.section(sections.Scheduler).default_availability_zone,
    )
