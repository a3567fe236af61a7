"""What tests do with servers in the in-process cloud."""

from typing import Any

from iaas import failpoints
from iaas.compute import create, lifecycle
from iaas.db import audit, quotas
from iaas.db.schema.image import images
from iaas.ids import new_uuid
from iaas.model.network import NetworkRequest
from iaas.model.server import State
from iaas.model.server_request import NetworkWish, NewServers
from iaas.network import networks, subnets
from tests.cloud.harness import FLAVOR, Cloud


def image(cloud: Cloud) -> str:
    """A public image without bytes: the fake hypervisor boots from anything."""
    image_id = new_uuid()

    def write(tx: Any) -> None:
        tx.insert(images, {
            "id": image_id, "name": "tiny", "project_id": cloud.context.project_id, "state": "active",
            "visibility": "public", "disk_format": "qcow2", "container_format": "bare", "min_disk": 0, "min_ram": 0,
            "protected": False, "hidden": False, "size": 1, "virtual_size": 1 << 20, "hash_algo": "sha512",
            "hash_value": "0" * 128, "generation": 0, "reserved": 0, "version": 0,
            "created_at": tx.now(), "updated_at": tx.now(),
        })  # fmt: skip
        quotas.count(tx, cloud.context.owner, {"images": 1})

    cloud.database.run(write)
    return image_id


def order(cloud: Cloud, network_id: str | None = None, **changes: Any) -> str:
    """POST /servers, less the HTTP: accepted, not yet built."""
    networks: Any = (NetworkRequest(network_id=network_id),) if network_id else NetworkWish.NONE
    wanted = {"name": "vm", "flavor_id": FLAVOR.id, "networks": networks, "image_id": image(cloud), **changes}
    wish = NewServers(**wanted)
    _, ids = create.create(cloud.compute, cloud.context, wish)
    return ids[0]


def boot(cloud: Cloud, network_id: str | None = None, **changes: Any) -> str:
    """Until the build has ended. Where it may go wrong, what is level-triggered has more to catch up with."""
    armed = failpoints.armed()
    server_id = order(cloud, network_id, **changes)
    cloud.settle(after=1)
    if armed or cloud.server(server_id).state is not State.ACTIVE:
        cloud.settle()
    return server_id


def delete(cloud: Cloud, server_id: str) -> None:
    lifecycle.delete(cloud.compute, cloud.context, server_id)


def network(cloud: Cloud) -> str:
    """A network of the project with a subnet and DHCP."""

    def write(tx: Any) -> str:
        made = networks.create(tx, cloud.settings, cloud.context.owner, {"name": "private"})
        subnet = {"cidr": "10.0.0.0/24", "ip_version": 4, "enable_dhcp": True}
        subnets.create(tx, cloud.settings, cloud.context.owner, made, subnet)
        return made.id

    network_id: str = cloud.database.run(write)
    return network_id


def left_behind(cloud: Cloud, server_id: str) -> list[str]:
    """What is still there of a deleted server, on any host or in any table; empty is right (A-076)."""
    found = [f"guest on {name}" for name in cloud.guests(server_id)]
    for name, host in cloud.hosts.items():
        found += [f"disk on {name}"] if server_id in host.disks.made else []
        inventory = host.network.inventory()
        found += [f"{name}: {tap}" for tap in (*inventory.taps, *inventory.filtered_ports)]
        found += [f"{name}: lease {lease}" for lease in inventory.leases]
    with cloud.database.read() as tx:
        facts = audit.facts(tx)
    found += [f"port {port.id}" for port in facts.ports if port.server_id == server_id]
    found += [f"claim on {claim.host}" for claim in facts.allocations if claim.server_id == server_id]
    found += [f"quota {key}: {used}" for key, used in facts.usage.items() if key[1] in ("instances", "cores") and used]
    return found
