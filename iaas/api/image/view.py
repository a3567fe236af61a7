"""The JSON forms of images and members."""

from __future__ import annotations

from typing import Any

from iaas.clock import iso8601
from iaas.model.image import Image, ImageTask, LocationState, Member, Task


def image(value: Image) -> dict[str, Any]:
    """Free properties lie beside the published ones, which win should a name be both."""
    path = f"/v2/images/{value.id}"
    stores = value.stores()
    return {
        **value.properties,
        **_import(value),
        **({"stores": ",".join(stores)} if stores else {}),
        "id": value.id,
        "name": value.name,
        "status": value.status,
        "visibility": value.visibility.value,
        "owner": value.project_id,
        "protected": value.protected,
        "os_hidden": value.hidden,
        "disk_format": value.disk_format,
        "container_format": value.container_format,
        "min_disk": value.min_disk,
        "min_ram": value.min_ram,
        "size": value.size,
        "virtual_size": value.virtual_size,
        "checksum": value.checksum,
        "os_hash_algo": value.hash_algo,
        "os_hash_value": value.hash_value,
        "tags": list(value.tags),
        "created_at": iso8601(value.created_at),
        "updated_at": iso8601(value.updated_at),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }


def _import(value: Image) -> dict[str, str]:
    """Where the data are on the way to by an import, and where that went wrong; absent when there is nothing to say."""
    coming = value.stores(LocationState.WRITING) if value.task in (None, Task.IMPORTING) else ()
    failed = value.stores(LocationState.FAILED)
    return {
        **({"os_glance_importing_to_stores": ",".join(coming)} if coming else {}),
        **({"os_glance_failed_import": ",".join(failed)} if failed else {}),
    }


def task_in_list(value: ImageTask) -> dict[str, Any]:
    return {
        "id": value.id,
        "type": value.type.value,
        "status": value.status.value,
        "owner": value.owner,
        **({"expires_at": iso8601(value.expires_at)} if value.expires_at else {}),
        "created_at": iso8601(value.created_at),
        "updated_at": iso8601(value.updated_at),
        "self": f"/v2/tasks/{value.id}",
        "schema": "/v2/schemas/task",
    }


def task(value: ImageTask) -> dict[str, Any]:
    return {
        **task_in_list(value),
        "image_id": value.image_id,
        "input": value.input,
        "result": value.result,
        "message": value.message,
    }


def member(value: Member) -> dict[str, Any]:
    return {
        "image_id": value.image_id,
        "member_id": value.project_id,
        "status": value.status.value,
        "created_at": iso8601(value.created_at),
        "updated_at": iso8601(value.updated_at),
        "schema": "/v2/schemas/member",
    }
