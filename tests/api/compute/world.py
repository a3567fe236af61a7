"""A compute API in this process with real logic, real image and network facades and SQLite; RPC goes nowhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from werkzeug.test import Client, TestResponse

from iaas.api.app import make_app
from iaas.api.compute.dialect import DIALECT
from iaas.api.compute.rules import RULES
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import quotas, services
from iaas.db.compute import flavors, nodes, servers
from iaas.db.engine import Database
from iaas.db.image import images
from iaas.errors import Error, Unauthenticated
from iaas.ids import new_uuid
from iaas.image.facade import ImageFacade
from iaas.model.flavor import Flavor
from iaas.model.image import Image, State, Visibility
from iaas.model.order import Power, Resources
from iaas.network import networks, subnets
from iaas.network.facade import NetworkFacade
from iaas.network.settings import Settings
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.contract import Method
from iaas.volume.facade import VolumeFacade
from iaas.volume.service import VolumeServices

GIB = 1024**3
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def context(name: str, project: str, *roles: str) -> Context:
    return Context(request_id="", user_id=f"user-{name}", user_name=name, project_id=project, roles=roles)


PERSONAS = {
    "alice": context("alice", "red", "member", "reader"),
    "anton": context("anton", "red", "member", "reader"),
    "mona": context("mona", "red", "manager", "member", "reader"),
    "rita": context("rita", "red", "reader"),
    "bob": context("bob", "blue", "member", "reader"),
    "admin": context("admin", "ops", "admin", "member", "reader"),
}


@dataclass
class Wire:
    """The bus as seen by a client: remembers what was sent, answers calls with what the test put there."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def send(self, topic: str, host: str | None, version: str, method: Method, arguments: dict[str, Any]) -> Any:
        self.sent.append((f"{topic}.{method.name}", {"host": host, **arguments}))
        answer = self.answers.get(method.name)
        if isinstance(answer, Error):
            raise answer
        return answer


@dataclass
class World:
    database: Database
    wire: Wire
    compute: Compute
    client: Client

    def call(
        self, who: str | None, method: str, path: str, body: Any = None, version: str | None = None
    ) -> TestResponse:
        headers = {"X-Auth-Token": who} if who else {}
        if version:
            headers["OpenStack-API-Version"] = f"compute {version}"
        data = None if body is None else json.dumps(body)
        return self.client.open(path, method=method, headers=headers, data=data, content_type="application/json")

    def ok(self, who: str, method: str, path: str, body: Any = None, version: str | None = None) -> Any:
        answer = self.call(who, method, path, body, version)
        assert answer.status_code < 300, (answer.status_code, answer.get_data(as_text=True))
        return answer.get_json(silent=True)

    def refused(self, status: int, who: str | None, method: str, path: str, body: Any = None,
                version: str | None = None) -> str:  # fmt: skip
        """The message of a fault with that status."""
        answer = self.call(who, method, path, body, version)
        assert answer.status_code == status, (answer.status_code, answer.get_data(as_text=True))
        (fault,) = answer.get_json().values()
        assert fault["code"] == status
        return str(fault["message"])

    # -- what exists ------------------------------------------------------------------------------------------------

    def image(self, project: str = "ops", visibility: Visibility = Visibility.PUBLIC, **changes: Any) -> str:
        values: dict[str, Any] = {
            "id": new_uuid(), "name": "debian", "project_id": project, "state": State.ACTIVE, "task": None,
            "visibility": visibility, "disk_format": "qcow2", "container_format": "bare", "min_disk": 0, "min_ram": 0,
            "protected": False, "hidden": False, "size": 1000, "virtual_size": GIB, "checksum": "0" * 32,
            "hash_algo": "sha512", "hash_value": "0" * 128, "generation": 1, "version": 1, "created_at": NOW,
            "updated_at": NOW,
        }  # fmt: skip
        image = Image(**{**values, **changes})
        self.database.run(lambda tx: images.insert(tx, image))
        return image.id

    def flavor(self, id: str = "1", **changes: Any) -> str:
        values: dict[str, Any] = {"id": id, "name": f"m1.{id}", "ram_mb": 512, "disk_gb": 1, "vcpus": 1}
        self.database.run(lambda tx: flavors.insert(tx, Flavor(**{**values, **changes})))
        return id

    def network(self, project: str = "red", name: str = "net", cidr: str = "10.0.0.0/24") -> str:
        def make(tx: Any) -> str:
            values = {"name": name, "kind": "local", "description": "", "admin_state_up": True, "shared": False,
                      "external": False, "port_security": True}  # fmt: skip
            network = networks.create(tx, self.compute.network.settings, project, values)
            subnets.create(tx, self.compute.network.settings, project, network, {"ip_version": 4, "cidr": cidr})
            return network.id

        return self.database.run(make)

    def host(self, name: str = "host1", **changes: Any) -> None:
        values: dict[str, Any] = {
            "vcpus": 8, "ram_mb": 16384, "disk_gb": 100, "hypervisor_type": "fake", "hypervisor_version": 1,
            "hypervisor_hostname": f"{name}.local", "cpu_arch": "x86_64", "host_ip": "192.0.2.1",
        }  # fmt: skip
        resources = Resources(**{**values, **changes})

        def write(tx: Any) -> None:
            services.touch(tx, "iaas-compute", name, "boot", 1, 1)
            nodes.record(tx, name, resources)

        self.database.run(write)

    def server(self, who: str = "alice", name: str = "web", version: str | None = None, **more: Any) -> str:
        """A server as the API makes it: BUILD, scheduling."""
        body = {"server": {"name": name, "imageRef": self.compute_image, "flavorRef": "1", **more}}
        return str(self.ok(who, "POST", "/v2.1/servers", body, version)["server"]["id"])

    compute_image: str = ""

    def active(self, server_id: str, host: str = "host1") -> None:
        """What the conductor writes when the host has built it."""

        def write(tx: Any) -> None:
            servers.spawn_on(tx, servers.get(tx, server_id), host, f"{host}.local")
            servers.finish(tx, server_id, "spawn", power=Power.RUNNING, launched_at=tx.now())

        self.database.run(write)

    def used(self, project: str = "red") -> dict[str, int]:
        with self.database.read() as tx:
            return quotas.usage(tx, project)


def make_world(database: Database) -> World:
    wire = Wire()
    compute = Compute(
        database=database,
        image=ImageFacade(),
        network=NetworkFacade(Settings()),
        volume=VolumeFacade(VolumeServices(database=database, conductor=ConductorRpc(wire))),
        conductor=ConductorRpc(wire),
        hosts=ComputeRpc(wire),
    )
    routes = collect("iaas.api.compute")
    app = make_app(DIALECT, routes, compute, Policy.of_routes(routes, RULES), authenticate)
    world = World(database=database, wire=wire, compute=compute, client=Client(app))
    world.compute_image = world.image()
    world.flavor()
    return world


def authenticate(token: str) -> Context:
    if token not in PERSONAS:
        raise Unauthenticated("The request you have made requires authentication.")
    return PERSONAS[token]
