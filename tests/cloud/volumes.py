"""What tests do with volumes in the in-process cloud."""

from __future__ import annotations

from iaas.db import audit, quotas
from iaas.db.volume import volumes
from iaas.model.volume import Volume
from iaas.volume import lifecycle
from iaas.volume.wish import NewVolume
from tests.cloud.harness import Cloud


def order(cloud: Cloud, size_gb: int = 1) -> str:
    """POST /volumes, less the HTTP: accepted, not yet made."""
    return lifecycle.create(cloud.volumes, cloud.context, NewVolume(size_gb=size_gb, name="data"))


def make(cloud: Cloud, size_gb: int = 1) -> str:
    volume_id = order(cloud, size_gb)
    cloud.settle()
    return volume_id


def delete(cloud: Cloud, volume_id: str) -> None:
    lifecycle.delete(cloud.volumes, cloud.context, volume_id)


def volume(cloud: Cloud, volume_id: str) -> Volume:
    with cloud.database.read() as tx:
        return volumes.get(tx, volume_id, deleted=True)


def found(cloud: Cloud, volume_id: str) -> list[str]:
    """The hosts whose back end has bytes of the volume, finished or not."""
    return [
        name for name, host in cloud.volume_hosts.items()
        if volume_id in host.backend.volumes or volume_id in host.backend.partials
    ]  # fmt: skip


def left_behind(cloud: Cloud, volume_id: str) -> list[str]:
    """What is still there of a deleted volume; empty is right."""
    left = [f"bytes on {name}" for name in found(cloud, volume_id)]
    with cloud.database.read() as tx:
        facts, used = audit.facts(tx), quotas.usage(tx, cloud.context.owner)
    left += [f"row {row.id}" for row in facts.volumes if row.id == volume_id]
    left += [f"operation {row.kind}" for row in facts.operations if row.resource_id == volume_id]
    return left + [f"quota {name}: {used[name]}" for name in ("volumes", "gigabytes") if used.get(name)]
