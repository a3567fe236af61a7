"""/snapshots: list, show, create, update, delete, metadata, and an administrator's actions."""

from __future__ import annotations

from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import ADMIN, MEMBER, READER, Route, Rule
from iaas.api.schema import BOOLEAN, UUID, as_bool, obj
from iaas.api.volume import paths, rules, volume_query
from iaas.api.volume.volume_body import ITEMS, described
from iaas.clock import iso8601_micro
from iaas.db.volume import snapshots as rows
from iaas.model.volume import Snapshot, SnapshotState
from iaas.volume import snapshots
from iaas.volume.service import VolumeServices
from iaas.volume.snapshots import NewSnapshot

_TEXT = {"type": ["string", "null"], "maxLength": 255}
_NAMES = {"name": _TEXT, "description": _TEXT, "display_name": _TEXT, "display_description": _TEXT}
_ITEMS = {**ITEMS, "type": ["object", "null"]}
_FORCE = {"anyOf": [BOOLEAN, {"type": "null"}]}
CREATE = obj(
    {"snapshot": obj({**_NAMES, "volume_id": UUID, "force": _FORCE, "metadata": _ITEMS}, ("volume_id",))}, ("snapshot",)
)
UPDATE = obj({"snapshot": {**obj(_NAMES), "minProperties": 1}}, ("snapshot",))
_ALL_ITEMS = obj({"metadata": ITEMS}, ("metadata",))
_STATES = (SnapshotState.AVAILABLE, SnapshotState.ERROR, SnapshotState.ERROR_DELETING)
_STATUS = obj({"status": {"type": "string", "enum": [state.value for state in _STATES]}}, ("status",))


def list_snapshots(call: Call[VolumeServices]) -> dict[str, Any]:
    found, links = _page(call)
    return {"snapshots": [_brief(item) for item in found], **links}


def list_details(call: Call[VolumeServices]) -> dict[str, Any]:
    found, links = _page(call)
    return {"snapshots": [_full(call, item) for item in found], **links}


def _page(call: Call[VolumeServices]) -> tuple[list[Snapshot], dict[str, Any]]:
    query, privileged = call.query, call.allows(rules.ALL_TENANTS.name)
    project: str | None = call.context.owner
    if privileged and volume_query.everybody(call):
        project = query.get("project_id")
    page = paging.page(query, call.query_lists, tuple(rows.SORT_KEYS))
    equal = {key: query[key] for key in ("volume_id", "name") if key in query}
    if "status" in query:
        equal["status"] = query["status"]
    sort = page.sort[0] if page.sort else ("created_at", "desc")
    with call.services.database.read() as tx:
        found = rows.page(tx, project, equal, page.limit, page.marker, sort, volume_query.offset(call))
    links = {}
    if found and len(found) == page.limit:
        links["snapshots_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].id)}]
    return found, links


def show_snapshot(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"snapshot": _full(call, _found(call))}


def create_snapshot(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["snapshot"]
    wish = NewSnapshot(
        volume_id=body["volume_id"],
        **described(body),
        force=as_bool(body.get("force") or False),
        metadata=body.get("metadata") or {},
    )
    snapshot_id = snapshots.create(call.services, call.context, wish)
    return {"snapshot": _brief(snapshots.show(call.services, call.context, snapshot_id))}


def update_snapshot(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["snapshot"]
    values = {name: value for name, value in described(body).items() if name in body or f"display_{name}" in body}
    snapshots.update(call.services, call.context, call.path["id"], values)
    return {"snapshot": _brief(_found(call))}


def delete_snapshot(call: Call[VolumeServices]) -> None:
    snapshots.delete(call.services, call.context, call.path["id"])


def reset_status(call: Call[VolumeServices]) -> None:
    state = SnapshotState(call.body["os-reset_status"]["status"])
    snapshots.reset_state(call.services, call.context, call.path["id"], state)


def show_metadata(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"metadata": _found(call).metadata}


def merge_metadata(call: Call[VolumeServices]) -> dict[str, Any]:
    given, id = call.body["metadata"], call.path["id"]
    return {"metadata": snapshots.change_metadata(call.services, call.context, id, lambda now: now | given)}


def replace_metadata(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["metadata"]
    return {"metadata": snapshots.change_metadata(call.services, call.context, call.path["id"], lambda now: given)}


def delete_item(call: Call[VolumeServices]) -> None:
    key = call.path["key"]

    def without(now: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in now.items() if name != key}

    snapshots.change_metadata(call.services, call.context, call.path["id"], without)


def _found(call: Call[VolumeServices]) -> Snapshot:
    return snapshots.show(call.services, call.context, call.path["id"])


def _brief(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "description": snapshot.description,
        "volume_id": snapshot.volume_id,
        "status": snapshot.status,
        "size": snapshot.size_gb,
        "metadata": snapshot.metadata,
        "created_at": iso8601_micro(snapshot.created_at),
        "updated_at": iso8601_micro(snapshot.updated_at),
    }


def _full(call: Call[VolumeServices], snapshot: Snapshot) -> dict[str, Any]:
    shown = _brief(snapshot)
    if call.allows(rules.SNAPSHOT_EXTENDED.name):
        shown["os-extended-snapshot-attributes:project_id"] = snapshot.project_id
        shown["os-extended-snapshot-attributes:progress"] = "100%" if snapshot.status == "available" else "0%"
    return shown


_LIST, _ONE, _META = "/snapshots", "/snapshots/<id>", "/snapshots/<id>/metadata"
_ALL = Rule("volume:get_all_snapshots", READER)
_WRITE_META = Rule("volume:update_snapshot_metadata", MEMBER)
_ADMIN = "volume_extension:snapshot_admin_actions:"


def _action(name: str, handler: Any, verb: str, value: Any) -> Route:
    rule = Rule(_ADMIN + verb, ADMIN)
    return Route("POST", "/snapshots/<id>/action", handler, policy=rule, body=obj({name: value}, (name,)), status=202,
                 action=name)  # fmt: skip


ROUTES = paths.both(
    Route("GET", _LIST, list_snapshots, policy=_ALL),
    Route("GET", "/snapshots/detail", list_details, policy=_ALL),
    Route("POST", _LIST, create_snapshot, policy=Rule("volume:create_snapshot", MEMBER), body=CREATE, status=202),
    Route("GET", _ONE, show_snapshot, policy=Rule("volume:get_snapshot", READER)),
    Route("PUT", _ONE, update_snapshot, policy=Rule("volume:update_snapshot", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_snapshot, policy=Rule("volume:delete_snapshot", MEMBER), status=202),
    Route("GET", _META, show_metadata, policy=Rule("volume:get_snapshot_metadata", READER)),
    Route("POST", _META, merge_metadata, policy=_WRITE_META, body=_ALL_ITEMS),
    Route("PUT", _META, replace_metadata, policy=_WRITE_META, body=_ALL_ITEMS),
    Route("DELETE", _META + "/<key>", delete_item, policy=Rule("volume:delete_snapshot_metadata", MEMBER)),
    _action("os-reset_status", reset_status, "reset_status", _STATUS),
    _action("os-force_delete", delete_snapshot, "force_delete", {}),
)
