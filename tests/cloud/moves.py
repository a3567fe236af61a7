"""What tests do with servers that move, and what must hold of them at every moment."""

from __future__ import annotations

from typing import Any

from iaas.compute.moving import moves
from iaas.context import Context
from iaas.db import operations
from iaas.db.compute import flavors, migrations
from iaas.db.compute.migrations import Wanted
from iaas.errors import NotFound
from iaas.ids import new_request_id
from iaas.model.flavor import Flavor
from iaas.model.order import Power
from iaas.model.placement import Migration
from iaas.model.server import Server, State
from tests.cloud.harness import Cloud

BIG = Flavor(id="43", name="m1.more", ram_mb=256, disk_gb=2, vcpus=2)
ON = (Power.RUNNING, Power.PAUSED)


def admin(cloud: Cloud) -> Context:
    return Context(
        request_id=new_request_id(), user_id="c" * 32, project_id=cloud.context.project_id, roles=("admin", "member"),
        is_admin=True,
    )  # fmt: skip


def bigger(cloud: Cloud, flavor: Flavor = BIG) -> str:
    def write(tx: Any) -> None:
        try:
            flavors.get(tx, flavor.id)
        except NotFound:
            flavors.insert(tx, flavor)

    cloud.database.run(write)
    return flavor.id


def resize(cloud: Cloud, server_id: str) -> Server:
    moves.resize(cloud.compute, cloud.context, server_id, bigger(cloud))
    cloud.settle()
    return cloud.server(server_id)


def confirm(cloud: Cloud, server_id: str) -> Server:
    moves.confirm(cloud.compute, cloud.context, server_id)
    cloud.settle()
    return cloud.server(server_id)


def revert(cloud: Cloud, server_id: str) -> Server:
    moves.revert(cloud.compute, cloud.context, server_id)
    cloud.settle()
    return cloud.server(server_id)


def running(cloud: Cloud, server_id: str) -> list[str]:
    """The hosts on which the server's guest is on."""
    return [
        name for name, host in cloud.hosts.items()
        if (domain := host.hypervisor.domains.get(server_id)) and domain.power in ON
    ]  # fmt: skip


def content(cloud: Cloud, server_id: str) -> str:
    """What the disk holds that the server has now."""
    return cloud.hosts[cloud.server(server_id).host or ""].disks.contents[server_id]


def records(cloud: Cloud, server_id: str) -> list[Migration]:
    with cloud.database.read() as tx:
        return migrations.page(tx, Wanted(server_id=server_id), 100, None)


def reason(cloud: Cloud, server_id: str) -> str:
    """Why the server's latest operation failed."""
    with cloud.database.read() as tx:
        return operations.of_resource(tx, "server", server_id)[0].error or ""


def power_off(cloud: Cloud, name: str) -> None:
    """The host loses its power: nothing on it lives on; what is on its disks stays."""
    cloud.kill(name)
    for server_id in list(cloud.hosts[name].hypervisor.domains):
        cloud.hosts[name].hypervisor.stops(server_id)


def silence(cloud: Cloud) -> None:
    """Long enough for a killed host to be taken for dead."""
    for _ in range(8):
        cloud.tick()


def watch(cloud: Cloud) -> list[str]:
    """From now on notes every moment in which a server's guest is on, on two hosts."""
    doubled: list[str] = []
    for name, host in cloud.hosts.items():

        def look(server_id: str, power: Power, name: str = name) -> None:
            hosts = running(cloud, server_id)
            if len(hosts) > 1:
                doubled.append(f"{server_id} on {hosts}")

        tell = host.hypervisor.tell
        host.hypervisor.tell = lambda id, power, look=look, tell=tell: (look(id, power), tell(id, power))  # type: ignore
    return doubled


def settled(cloud: Cloud, server_id: str) -> None:
    """One place, one guest at most, nothing left over, every count right."""
    server = cloud.server(server_id)
    expected = [server.host] if server.state in (State.ACTIVE, State.PAUSED) else []
    if server.state is State.RESIZED:
        expected = [server.host] if server.origin_state is State.ACTIVE else []
    assert running(cloud, server_id) == expected, (server.state, server.host, server.fault)
    assert cloud.audit() == []
