"""A volume as the API shows it."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.volume import paths, rules
from iaas.clock import iso8601_micro
from iaas.model.volume import Volume
from iaas.volume.service import VolumeServices
from iaas.volume.volumes import TypeNames


class View:
    """What the caller may see is asked once, not for every volume of a list."""

    def __init__(self, call: Call[VolumeServices], types: TypeNames) -> None:
        self._types, self._base, self._root = types, call.base_url, paths.root(call)
        self._host, self._project, self._migration = (
            call.allows(rule.name) for rule in (rules.HOST, rules.PROJECT, rules.MIGRATION)
        )

    def brief(self, volume: Volume) -> dict[str, Any]:
        links = [
            {"rel": "self", "href": f"{self._root}/volumes/{volume.id}"},
            {"rel": "bookmark", "href": f"{self._base}/volumes/{volume.id}"},
        ]
        return {"id": volume.id, "name": volume.name, "links": links}

    def full(self, volume: Volume) -> dict[str, Any]:
        shown = {
            **self.brief(volume),
            "description": volume.description,
            "size": volume.size_gb,
            "status": volume.status,
            "created_at": iso8601_micro(volume.created_at),
            "updated_at": iso8601_micro(volume.updated_at),
            "user_id": volume.user_id,
            "availability_zone": volume.availability_zone,
            "volume_type": self._types.get(volume.volume_type_id),
            "metadata": volume.metadata,
            "bootable": str(volume.bootable).lower(),
            "encrypted": False,
            "multiattach": False,
            "attachments": [],
            "snapshot_id": None,
            "source_volid": None,
            "consistencygroup_id": None,
            "replication_status": None,
            "migration_status": None,
        }
        if self._project:
            shown["os-vol-tenant-attr:tenant_id"] = volume.project_id
        if self._host:
            shown["os-vol-host-attr:host"] = volume.host
        if self._migration:
            shown |= {"os-vol-mig-status-attr:migstat": None, "os-vol-mig-status-attr:name_id": None}
        return shown
