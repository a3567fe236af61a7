"""What tests do with volumes of servers in the in-process cloud."""

from __future__ import annotations

from typing import Any

from iaas.compute import attachments
from iaas.compute.attachments import NewAttachment
from iaas.model.server_request import DiskSource, DiskWish
from iaas.model.volume import Attachment
from tests.cloud import volumes
from tests.cloud.harness import Cloud
from tests.cloud.servers import image


def ask(cloud: Cloud, server_id: str, volume_id: str, **changes: Any) -> Attachment:
    """POST os-volume_attachments, less the HTTP: accepted, not yet attached."""
    wish = NewAttachment(volume_id=volume_id, **changes)
    return attachments.attach(cloud.compute, cloud.context, server_id, wish)


def attach(cloud: Cloud, server_id: str, volume_id: str, **changes: Any) -> Attachment:
    made = ask(cloud, server_id, volume_id, **changes)
    cloud.settle()
    return made


def detach(cloud: Cloud, server_id: str, volume_id: str) -> None:
    attachments.detach(cloud.compute, cloud.context, server_id, volume_id)


def plugged(cloud: Cloud, server_id: str) -> list[str]:
    """The volumes that guests have, on whatever host, in the definition and, if they run, at work."""
    found = []
    for host in cloud.hosts.values():
        domain = host.hypervisor.domains.get(server_id)
        if domain is not None:
            defined = sorted(volume.volume_id for volume in domain.guest.volumes)
            running = sorted(volume.volume_id for volume in domain.live)
            assert domain.power != "running" or running == defined, "it runs with other volumes than it is defined with"
            found += defined
    return found


def served(cloud: Cloud) -> list[str]:
    """The volumes that volume hosts serve."""
    return sorted(
        export.volume_id for host in cloud.volume_hosts.values() for export in host.agent.endpoint.inventory().served
    )


def status(cloud: Cloud, volume_id: str) -> str:
    return volumes.volume(cloud, volume_id).status


def root(cloud: Cloud, **changes: Any) -> DiskWish:
    """The root disk of a server as a new volume from an image."""
    wish: dict[str, Any] = {"source": DiskSource.IMAGE, "id": image(cloud), "size_gb": 1, "boot_index": 0}
    return DiskWish(**{**wish, **changes})
