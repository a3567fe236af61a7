"""The JSON schemas that the API publishes of its own documents; some clients build their objects from them."""

from __future__ import annotations

from typing import Any

from iaas.api.image import access, attributes
from iaas.api.image.access import ImageCall
from iaas.api.image.attributes import UUID
from iaas.api.route import Route
from iaas.model.image import MemberStatus, State, Task, TaskStatus, TaskType

_TEXT = {"type": ["null", "string"]}
_NUMBER = {"type": ["null", "integer"]}
_TIME = {"type": "string", "description": "A moment in UTC."}
_READ_ONLY: dict[str, Any] = {
    "status": {
        "type": "string",
        "enum": [State.QUEUED, Task.SAVING, State.UPLOADING, Task.IMPORTING, State.ACTIVE, State.DEACTIVATED],
        "description": "Whether the data are there, and whether they may be read.",
    },
    "size": {**_NUMBER, "description": "Bytes of the data."},
    "virtual_size": {**_NUMBER, "description": "Bytes of the disk that is in the data."},
    "checksum": {**_TEXT, "description": "MD5 of the data, for clients that know nothing better."},
    "os_hash_algo": {**_TEXT, "description": "What os_hash_value was made with."},
    "os_hash_value": {**_TEXT, "description": "Hash of the data, to verify them by."},
    "stores": {"type": "string", "description": "The stores that have the data, separated by commas."},
    "created_at": _TIME,
    "updated_at": _TIME,
    "self": {"type": "string", "description": "Path of the image."},
    "file": {"type": "string", "description": "Path of its data."},
    "schema": {"type": "string", "description": "Path of this schema."},
}
_ID = {"type": "string", "pattern": f"^{UUID}$", "description": "A UUID; chosen by the service unless it is given."}
_ABOUT = {
    "name": "What people call the image; any text, not unique.",
    "visibility": "Who sees the image.",
    "protected": "Whether the image can't be deleted.",
    "os_hidden": "Whether lists leave the image out unless they are asked for hidden ones.",
    "disk_format": "What the file is.",
    "container_format": "What is around the disk in the file.",
    "min_disk": "GiB of disk that a server of the image needs.",
    "min_ram": "MiB of memory that a server of the image needs.",
    "tags": "Words that the image is marked with.",
    "owner": "Id of the project that the image belongs to.",
}
_FURTHER = {
    "architecture": "Processor that the system in the image was built for.",
    "instance_uuid": "Id of the server that the image is a snapshot of.",
    "kernel_id": "Id of the image that holds the kernel.",
    "os_distro": "The distribution in the image.",
    "os_version": "The version of the system in the image.",
    "ramdisk_id": "Id of the image that holds the first ramdisk.",
}
_LINKS = [
    {"rel": "self", "href": "{self}"},
    {"rel": "enclosure", "href": "{file}"},
    {"rel": "describedby", "href": "{schema}"},
]
_LIST_LINKS = [
    {"rel": "first", "href": "{first}"},
    {"rel": "next", "href": "{next}"},
    {"rel": "describedby", "href": "{schema}"},
]


def image_schema(call: ImageCall) -> dict[str, Any]:
    properties: dict[str, Any] = {"id": _ID}
    properties |= {name: {**rule, "description": _ABOUT[name]} for name, rule in attributes.SETTABLE.items()}
    properties["disk_format"] |= {**_TEXT, "enum": [None, *call.services.options.formats]}
    properties["container_format"] |= {**_TEXT, "enum": [None, *attributes.CONTAINERS]}
    properties |= {name: {**rule, "readOnly": True} for name, rule in _READ_ONLY.items()}
    properties |= {name: {**_TEXT, "description": about, "is_base": False} for name, about in _FURTHER.items()}
    return {
        "name": "image",
        "properties": properties,
        "additionalProperties": {"type": "string"},
        "links": _LINKS,
    }


def images_schema(call: ImageCall) -> dict[str, Any]:
    return _list_of("images", image_schema(call), _LIST_LINKS)


def member_schema(call: ImageCall) -> dict[str, Any]:
    properties = {
        "image_id": {"type": "string", "readOnly": True},
        "member_id": {"type": "string", "readOnly": True},
        "status": {"type": "string", "enum": [item.value for item in MemberStatus]},
        "created_at": {**_TIME, "readOnly": True},
        "updated_at": {**_TIME, "readOnly": True},
        "schema": {"type": "string", "readOnly": True},
    }
    return {"name": "member", "properties": properties}


def members_schema(call: ImageCall) -> dict[str, Any]:
    return _list_of("members", member_schema(call), [{"rel": "describedby", "href": "{schema}"}])


def task_schema(call: ImageCall) -> dict[str, Any]:
    properties = {
        "id": {"type": "string", "description": "A UUID."},
        "type": {"type": "string", "enum": [TaskType.IMPORT.value, TaskType.API_IMPORT.value, TaskType.LOCATION.value]},
        "status": {"type": "string", "enum": [item.value for item in TaskStatus]},
        "owner": _TEXT,
        "image_id": _TEXT,
        "input": {"type": ["null", "object"]},
        "result": {"type": ["null", "object"]},
        "message": {"type": "string"},
        "expires_at": {"type": ["null", "string"]},
        "created_at": _TIME,
        "updated_at": _TIME,
        "self": {"type": "string", "readOnly": True},
        "schema": {"type": "string", "readOnly": True},
    }
    return {"name": "task", "properties": properties}


def tasks_schema(call: ImageCall) -> dict[str, Any]:
    return _list_of("tasks", task_schema(call), _LIST_LINKS)


def _list_of(name: str, item: dict[str, Any], links: list[dict[str, str]]) -> dict[str, Any]:
    plain = {"type": "string"}
    properties: dict[str, Any] = {name: {"type": "array", "items": item}, "schema": plain}
    if len(links) > 1:
        properties |= {"first": plain, "next": plain}
    return {"name": name, "properties": properties, "links": links}


ROUTES = (
    Route("GET", "/v2/schemas/image", image_schema, policy=access.DEFAULT),
    Route("GET", "/v2/schemas/images", images_schema, policy=access.DEFAULT),
    Route("GET", "/v2/schemas/member", member_schema, policy=access.DEFAULT),
    Route("GET", "/v2/schemas/members", members_schema, policy=access.DEFAULT),
    Route("GET", "/v2/schemas/task", task_schema, policy=access.DEFAULT),
    Route("GET", "/v2/schemas/tasks", tasks_schema, policy=access.DEFAULT),
)
