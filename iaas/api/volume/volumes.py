"""Volumes: list, show, create, update, delete, and administrators' actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import ADMIN, MEMBER, READER, Route, Rule
from iaas.api.schema import as_bool, obj
from iaas.api.volume import paths
from iaas.clock import iso8601_micro
from iaas.db.volume.volume_lists import SORT_KEYS, Wanted
from iaas.errors import Invalid, Unsupported
from iaas.model.volume import State, Volume, VolumeType
from iaas.volume import volumes
from iaas.volume.service import VolumeServices
from iaas.volume.volumes import NewVolume

_TEXT = {"type": ["string", "null"], "maxLength": 255}
_METADATA = {
    "type": ["object", "null"],
    "patternProperties": {r"^[a-zA-Z0-9_:. -]{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
_NONE = {"type": "null"}  # known, and not offered: a volume is empty and plain
_ID = {"type": ["string", "null"], "maxLength": 255}
_SIZE = {"type": ["integer", "string", "null"], "pattern": "^[0-9]{1,9}$", "minimum": 0, "maximum": 2**31 - 1}
_CREATE = {
    "size": _SIZE, "name": _TEXT, "display_name": _TEXT, "description": _TEXT, "display_description": _TEXT,
    "volume_type": _TEXT, "availability_zone": _TEXT, "metadata": _METADATA,
    "multiattach": {"type": ["boolean", "string", "null"]}, "imageRef": _ID, "snapshot_id": _ID, "source_volid": _ID,
    "consistencygroup_id": _NONE, "source_replica": _NONE, "user_id": _NONE, "project_id": _NONE, "status": _NONE,
    "attach_status": _NONE,
}  # fmt: skip
CREATE = obj({"volume": obj(_CREATE, ("size",)), "OS-SCH-HNT:scheduler_hints": {"type": "object", "maxProperties": 0}},
             ("volume",))  # fmt: skip
UPDATE = obj({"volume": obj({"name": _TEXT, "display_name": _TEXT, "description": _TEXT, "display_description": _TEXT,
                             "metadata": _METADATA})}, ("volume",))  # fmt: skip
_ALL_TENANTS = "volume:get_all_tenants"


def list_volumes(call: Call[VolumeServices]) -> dict[str, Any]:
    found, _, links = _page(call)
    return {"volumes": [_brief(call, volume) for volume in found], **links}


def list_details(call: Call[VolumeServices]) -> dict[str, Any]:
    found, types, links = _page(call)
    return {"volumes": [_full(call, volume, types[volume.volume_type_id]) for volume in found], **links}


def show_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    volume, kind = volumes.show(call.services, call.context, call.path["id"])
    return {"volume": _full(call, volume, kind)}


def create_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["volume"]
    for name in ("imageRef", "snapshot_id", "source_volid"):
        if body.get(name):
            raise Invalid(f"Creating a volume by {name} is not supported.", field=name)
    if body.get("multiattach") and as_bool(body["multiattach"]):
        raise Invalid("Volumes that attach to several servers are not supported.", field="multiattach")
    size = int(body["size"] or 0)
    if size < 1:
        raise Invalid("Invalid input received: volume size must be a positive integer of GiB", field="size")
    wish = NewVolume(
        size_gb=size,
        **_described(body),
        type=body.get("volume_type"),
        availability_zone=body.get("availability_zone"),
        metadata={key: value or "" for key, value in (body.get("metadata") or {}).items()},
    )
    made = volumes.create(call.services, call.context, wish)
    volume, kind = volumes.show(call.services, call.context, made.id)
    return {"volume": _full(call, volume, kind)}


def update_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["volume"]
    values: dict[str, Any] = {
        name: value for name, value in _described(body).items() if name in body or f"display_{name}" in body
    }
    if body.get("metadata") is not None:
        values["metadata"] = {key: value or "" for key, value in body["metadata"].items()}
    volumes.update(call.services, call.context, call.path["id"], values)
    return show_volume(call)


def delete_volume(call: Call[VolumeServices]) -> None:
    """``cascade`` would delete snapshots too; there are none."""
    volumes.delete(call.services, call.context, call.path["id"])


def reset_status(call: Call[VolumeServices]) -> None:
    state = State(call.body["os-reset_status"]["status"])
    volumes.reset_state(call.services, call.context, call.path["id"], state)


def unsupported(call: Call[VolumeServices]) -> None:
    volumes.show(call.services, call.context, call.path["id"])
    raise Unsupported(f"The action '{next(iter(call.body))}' is not supported.")


def _described(body: Mapping[str, Any]) -> dict[str, Any]:
    """Name and description, also under the names that they had in version 1."""
    return {name: body.get(name, body.get(f"display_{name}")) for name in ("name", "description")}


def _page(call: Call[VolumeServices]) -> tuple[list[Volume], Mapping[str | None, VolumeType], dict[str, Any]]:
    page = paging.page(call.query, call.query_lists, tuple(SORT_KEYS))
    found, types = volumes.page(
        call.services, _wanted(call), page.limit, page.marker, page.sort, _offset(call.query.get("offset", "0"))
    )
    links = {}
    if found and len(found) == page.limit:
        links["volumes_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].id)}]
    return found, types, links


def _wanted(call: Call[VolumeServices]) -> Wanted:
    """``all_tenants``, ``project_id`` and ``host`` are the administrators'; others are not refused, only not heard."""
    query, privileged = call.query, call.allows(_ALL_TENANTS)
    project: str | None = call.context.owner
    if privileged and as_bool(query.get("all_tenants", "false") or "true"):
        project = query.get("project_id")
    return Wanted(
        project_id=project,
        name=query.get("name") or query.get("display_name"),
        status=query.get("status"),
        host=query.get("host") if privileged else None,
        availability_zone=query.get("availability_zone"),
        bootable=as_bool(query["bootable"]) if "bootable" in query else None,
    )


def _offset(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid("offset param must be an integer", field="offset")
    return int(text)


def _brief(call: Call[VolumeServices], volume: Volume) -> dict[str, Any]:
    root = paths.root(call)
    links = [{"rel": "self", "href": f"{root}/volumes/{volume.id}"},
             {"rel": "bookmark", "href": f"{call.base_url}/volumes/{volume.id}"}]  # fmt: skip
    return {"id": volume.id, "name": volume.name, "links": links}


def _full(call: Call[VolumeServices], volume: Volume, kind: VolumeType) -> dict[str, Any]:
    shown = {
        **_brief(call, volume),
        "description": volume.description,
        "size": volume.size_gb,
        "status": volume.status,
        "created_at": iso8601_micro(volume.created_at),
        "updated_at": iso8601_micro(volume.updated_at),
        "user_id": volume.user_id,
        "os-vol-tenant-attr:tenant_id": volume.project_id,
        "availability_zone": volume.availability_zone,
        "volume_type": kind.name,
        "metadata": volume.metadata,
        "bootable": str(volume.bootable).lower(),
        "encrypted": False,
        "multiattach": False,
        "attachments": [],
        "snapshot_id": None,
        "source_volid": None,
        "consistencygroup_id": None,
        "replication_status": None,
    }
    if call.context.is_admin:
        shown |= {"os-vol-host-attr:host": volume.host, "os-vol-mig-status-attr:migstat": None,
                  "os-vol-mig-status-attr:name_id": None}  # fmt: skip
    return shown


def _action(name: str, handler: Any, policy: str, value: Any, check: str) -> Route:
    rule = Rule(f"volume_extension:{policy}", check)
    return Route("POST", "/volumes/<id>/action", handler, policy=rule, body=obj({name: value}, (name,)), status=202,
                 action=name)  # fmt: skip


_STATUS = {"type": "object", "properties": {"status": {"type": "string", "enum": ["available", "error"]}},
           "required": ["status"], "additionalProperties": False}  # fmt: skip
# action -> policy rule; published, and not offered in this release
_LATER = {
    "os-extend": "volume_actions:extend", "os-attach": "volume_actions:attach", "os-detach": "volume_actions:detach",
    "os-reserve": "volume_actions:reserve", "os-unreserve": "volume_actions:unreserve",
    "os-volume_upload_image": "volume_actions:upload_image", "os-retype": "volume_actions:retype",
    "os-set_bootable": "volume_actions:set_bootable", "os-update_readonly_flag": "volume_actions:readonly",
}  # fmt: skip

ROUTES = paths.all_of(
    Route("GET", "/volumes", list_volumes, policy=Rule("volume:get_all", READER)),
    Route("GET", "/volumes/detail", list_details, policy=Rule("volume:get_all", READER)),
    Route("POST", "/volumes", create_volume, policy=Rule("volume:create", MEMBER), body=CREATE, status=202),
    Route("GET", "/volumes/<id>", show_volume, policy=Rule("volume:get", READER)),
    Route("PUT", "/volumes/<id>", update_volume, policy=Rule("volume:update", MEMBER), body=UPDATE),
    Route("DELETE", "/volumes/<id>", delete_volume, policy=Rule("volume:delete", MEMBER), status=202),
    _action("os-reset_status", reset_status, "volume_admin_actions:reset_status", _STATUS, ADMIN),
    _action("os-force_delete", delete_volume, "volume_admin_actions:force_delete", {}, ADMIN),
    *(_action(name, unsupported, rule, {}, MEMBER) for name, rule in _LATER.items()),
)
