"""A volume's metadata: read, merged, replaced, and single items."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import obj
from iaas.api.volume import paths
from iaas.api.volume.volume_body import ITEMS
from iaas.errors import Invalid, NotFound
from iaas.volume import volumes
from iaas.volume.service import VolumeServices

_ALL = obj({"metadata": ITEMS}, ("metadata",))
_ONE = obj({"meta": {**ITEMS, "minProperties": 1, "maxProperties": 1}}, ("meta",))


def list_metadata(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"metadata": _metadata(call)}


def merge(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["metadata"]
    return {"metadata": volumes.change_metadata(call.services, call.context, call.path["id"], lambda now: now | given)}


def replace(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["metadata"]
    return {"metadata": volumes.change_metadata(call.services, call.context, call.path["id"], lambda now: given)}


def show_item(call: Call[VolumeServices]) -> dict[str, Any]:
    key, found = call.path["key"], _metadata(call)
    if key not in found:
        raise _missing(call)
    return {"meta": {key: found[key]}}


def set_item(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["meta"]
    if call.path["key"] not in given:
        raise Invalid("Request body and URI mismatch", field="meta")
    volumes.change_metadata(call.services, call.context, call.path["id"], lambda now: now | given)
    return {"meta": given}


def delete_item(call: Call[VolumeServices]) -> None:
    key = call.path["key"]

    def without(now: dict[str, str]) -> dict[str, str]:
        if key not in now:
            raise _missing(call)
        return {name: value for name, value in now.items() if name != key}

    volumes.change_metadata(call.services, call.context, call.path["id"], without)


def _metadata(call: Call[VolumeServices]) -> dict[str, str]:
    volume, _ = volumes.show(call.services, call.context, call.path["id"])
    return volume.metadata


def _missing(call: Call[Any]) -> NotFound:
    return NotFound(f"Volume {call.path['id']} has no metadata with key {call.path['key'][:255]}.")


_PATH = "/volumes/<id>/metadata"
ROUTES = paths.both(
    Route("GET", _PATH, list_metadata, policy=Rule("volume:get_volume_metadata", READER)),
    Route("POST", _PATH, merge, policy=Rule("volume:create_volume_metadata", MEMBER), body=_ALL),
    Route("PUT", _PATH, replace, policy=Rule("volume:update_volume_metadata", MEMBER), body=_ALL),
    Route("GET", _PATH + "/<key>", show_item, policy=Rule("volume:get_volume_metadata", READER)),
    Route("PUT", _PATH + "/<key>", set_item, policy=Rule("volume:update_volume_metadata", MEMBER), body=_ONE),
    Route("DELETE", _PATH + "/<key>", delete_item, policy=Rule("volume:delete_volume_metadata", MEMBER)),
)
