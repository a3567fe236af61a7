"""A volume as the API shows it."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.volume import paths, rules
from iaas.clock import iso8601_micro
from iaas.model.volume import Attachment, Volume
from iaas.volume.service import VolumeServices
from iaas.volume.volumes import Beside


class View:
    """What the caller may see is asked once, not for every volume of a list."""

    def __init__(self, call: Call[VolumeServices], beside: Beside) -> None:
        self._beside, self._base, self._root = beside, call.base_url, paths.root(call)
        self._admin = call.context.is_admin
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
            "volume_type": self._beside.types.get(volume.volume_type_id),
            "metadata": volume.metadata,
            "bootable": str(volume.bootable).lower(),
            "encrypted": False,
            "multiattach": volume.multiattach,
            "attachments": [self._attachment(item) for item in self._beside.attachments.get(volume.id, ())],
            "snapshot_id": volume.snapshot_id,
            "source_volid": volume.source_volume_id,
            "consistencygroup_id": None,
            "replication_status": None,
            "migration_status": None,
        }
        if volume.image_metadata:
            shown["volume_image_metadata"] = volume.image_metadata
        if self._project:
            shown["os-vol-tenant-attr:tenant_id"] = volume.project_id
        if self._host:
            shown["os-vol-host-attr:host"] = volume.host
        if self._migration:
            shown |= {"os-vol-mig-status-attr:migstat": None, "os-vol-mig-status-attr:name_id": None}
        return shown

    def _attachment(self, attachment: Attachment) -> dict[str, Any]:
        """The host is an administrator's to see."""
        return {
            "id": attachment.volume_id,
            "attachment_id": attachment.id,
            "volume_id": attachment.volume_id,
            "server_id": attachment.server_id,
            "host_name": attachment.host if self._admin else None,
            "device": f"/dev/{attachment.device}",
            "attached_at": iso8601_micro(attachment.attached_at) if attachment.attached_at else None,
        }
