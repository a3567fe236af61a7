"""Volumes: list, show, create, update, delete, and their sum."""

from __future__ import annotations

from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import as_bool
from iaas.api.volume import paths, volume_body, volume_query
from iaas.api.volume.volume_view import View
from iaas.db.volume.volume_lists import SORT_KEYS
from iaas.model.volume import Volume
from iaas.volume import lifecycle, volumes
from iaas.volume.service import VolumeServices


def list_volumes(call: Call[VolumeServices]) -> dict[str, Any]:
    found, view, links = _page(call)
    return {"volumes": [view.brief(volume) for volume in found], **links}


def list_details(call: Call[VolumeServices]) -> dict[str, Any]:
    found, view, links = _page(call)
    return {"volumes": [view.full(volume) for volume in found], **links}


def _page(call: Call[VolumeServices]) -> tuple[list[Volume], View, dict[str, Any]]:
    page = paging.page(call.query, call.query_lists, tuple(SORT_KEYS))
    wanted, offset = volume_query.wanted(call), volume_query.offset(call)
    found, beside = volumes.page(call.services, wanted, page.limit, page.marker, page.sort, offset)
    links = {}
    if found and len(found) == page.limit:
        links["volumes_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].id)}]
    return found, View(call, beside), links


def summary(call: Call[VolumeServices]) -> dict[str, Any]:
    count, size = volumes.summary(call.services, volume_query.wanted(call))
    return {"volume-summary": {"total_count": count, "total_size": size}}


def show_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    return _shown(call, call.path["id"])


def create_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    paths.own_project(call)
    return _shown(call, lifecycle.create(call.services, call.context, volume_body.new_volume(call.body)))


def update_volume(call: Call[VolumeServices]) -> dict[str, Any]:
    volumes.update(call.services, call.context, call.path["id"], volume_body.changes(call.body))
    return show_volume(call)


def delete_volume(call: Call[VolumeServices]) -> None:
    """``cascade``: with its snapshots."""
    cascade = as_bool(call.query.get("cascade", "false"))
    lifecycle.delete(call.services, call.context, call.path["id"], cascade=cascade)


def _shown(call: Call[VolumeServices], volume_id: str) -> dict[str, Any]:
    volume, beside = volumes.show(call.services, call.context, volume_id)
    return {"volume": View(call, beside).full(volume)}


_LIST, _ONE = "/volumes", "/volumes/<id>"
_ALL = Rule("volume:get_all", READER)
_CREATE = Rule("volume:create", MEMBER)
ROUTES = paths.both(
    Route("GET", _LIST, list_volumes, policy=_ALL),
    Route("GET", "/volumes/detail", list_details, policy=_ALL),
    Route("GET", "/volumes/summary", summary, policy=_ALL, since="3.12"),
    Route("POST", _LIST, create_volume, policy=_CREATE, body=volume_body.CREATE, status=202),
    Route("GET", _ONE, show_volume, policy=Rule("volume:get", READER)),
    Route("PUT", _ONE, update_volume, policy=Rule("volume:update", MEMBER), body=volume_body.UPDATE),
    Route("DELETE", _ONE, delete_volume, policy=Rule("volume:delete", MEMBER), status=202),
)
