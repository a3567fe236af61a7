"""The compute API on the loopback cloud, with image and network beside it, and a conductor that does all at once."""

from __future__ import annotations

from typing import Any

from iaas.api.app import make_app
from iaas.api.compute.dialect import DIALECT
from iaas.api.compute.rules import RULES
from iaas.api.image import access as image_access
from iaas.api.image import dialect as image_dialect
from iaas.api.network import dialect as network_dialect
from iaas.api.network import rules as network_rules
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.compute.service import Compute
from iaas.config.sections import Image as ImageOptions
from iaas.db import operations, quotas, services
from iaas.db.compute import nodes, servers
from iaas.db.engine import Database, Tx
from iaas.image.facade import ImageFacade
from iaas.image.services import make as make_image
from iaas.model.operation import Operation, OperationState
from iaas.model.order import Power, Resources
from iaas.model.server import SERVER
from iaas.network.facade import NetworkFacade
from iaas.network.service import NetworkServices
from iaas.network.settings import Settings
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices
from tests.compat.cloud import Cloud

HOST = "host1"


class Instantly:
    """A bus whose other end has done the work when ``send`` returns: clients see an end without waiting."""

    def __init__(self, database: Database, network: NetworkFacade) -> None:
        self.database, self.network = database, network

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        if method.name == "console_output":
            return "login: \n" * (arguments["lines"] or 1)
        if method.name == "cache_images":
            return None  # hosts do it in their own time
        return self.database.run(lambda tx: self._run(tx, arguments["operation_id"]))

    def _run(self, tx: Tx, operation_id: str) -> None:
        claimed = operations.claim(tx, operation_id, "worker", 30)
        assert claimed is not None
        operation = claimed[0]
        operations.begin_line(tx, operation, "work")
        operations.write_line(tx, operation, "work", {"finished_at": tx.now(), "result": "Success", "host": HOST})
        self._finish(tx, operation)
        operations.change(tx, operation, "worker", {"state": OperationState.DONE, "finished_at": tx.now()})

    def _finish(self, tx: Tx, operation: Operation) -> None:
        server = servers.get(tx, operation.resource_id)
        now, event = tx.now(), SERVER.event_of(server.task or "")
        if operation.kind == "server.create":
            servers.spawn_on(tx, server, HOST, f"{HOST}.local")
            servers.finish(tx, server.id, "spawn", power=Power.RUNNING, launched_at=now)
        elif operation.kind == "server.delete":
            self.network.release(tx, server.id)
            servers.finish(tx, server.id, event, deleted_at=now, terminated_at=now)
            quotas.give(tx, server.project_id, {"instances": 1, "cores": 1, "ram": 512})
        else:
            power = Power.SHUTDOWN if operation.kind == "server.stop" else Power.RUNNING
            servers.finish(tx, server.id, event, power=power)


def add_compute(cloud: Cloud, settings: Settings | None = None) -> Compute:
    """Serves the compute API with network (of these settings) and image beside it; one host is up."""
    settings = settings or Settings()
    network = NetworkFacade(settings)
    wire = Instantly(cloud.database, network)
    compute = Compute(
        database=cloud.database,
        image=ImageFacade(),
        network=network,
        volume=VolumeFacade(VolumeServices(database=cloud.database, conductor=ConductorRpc(wire))),
        conductor=ConductorRpc(wire),
        hosts=ComputeRpc(wire),
    )
    routes = collect("iaas.api.compute")
    app = make_app(DIALECT, routes, compute, Policy.of_routes(routes, RULES), cloud.identity.authenticate)
    cloud.add("compute", app, "/v2.1")
    _add_neighbours(cloud, settings)
    resources = Resources(
        vcpus=8, ram_mb=16384, disk_gb=100, hypervisor_type="QEMU", hypervisor_version=7002000,
        hypervisor_hostname=f"{HOST}.local", cpu_arch="x86_64", host_ip="192.0.2.1",
    )  # fmt: skip

    def beat(tx: Tx) -> None:
        for binary in ("iaas-compute", "iaas-conductor", "iaas-scheduler"):
            services.touch(tx, binary, HOST, "boot", 1, 1)
        nodes.record(tx, HOST, resources)

    cloud.database.run(beat)
    return compute


def _add_neighbours(cloud: Cloud, settings: Settings) -> None:
    """The CLI looks up networks, groups and images by name."""
    routes = collect("iaas.api.network")
    network = NetworkServices(database=cloud.database, settings=settings)
    policy = Policy.of_routes(routes, network_rules.RULES)
    cloud.add("network", make_app(network_dialect.DIALECT, routes, network, policy, cloud.identity.authenticate))
    routes = collect("iaas.api.image")
    image = make_image(cloud.database, ImageOptions(directory=str(cloud._directory / "images")))
    policy = Policy.of_routes(routes, image_access.EXTRA_RULES)
    cloud.add("image", make_app(image_dialect.DIALECT, routes, image, policy, cloud.identity.authenticate))
