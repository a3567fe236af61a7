"""A volume's metadata."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import obj
from iaas.api.volume import paths
from iaas.errors import Invalid, NotFound
from iaas.volume import volumes
from iaas.volume.service import VolumeServices

_ITEMS = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9_:. -]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}
_ALL = obj({"metadata": _ITEMS}, ("metadata",))
_ONE = obj({"meta": {**_ITEMS, "minProperties": 1, "maxProperties": 1}}, ("meta",))


def list_metadata(call: Call[VolumeServices]) -> dict[str, Any]:
    volume, _ = volumes.show(call.services, call.context, call.path["id"])
    return {"metadata": volume.metadata}


def merge(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["metadata"]
    return {"metadata": volumes.change_metadata(call.services, call.context, call.path["id"], given)}


def replace(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["metadata"]
    volumes.update(call.services, call.context, call.path["id"], {"metadata": given})
    return {"metadata": given}


def show_item(call: Call[VolumeServices]) -> dict[str, Any]:
    volume, _ = volumes.show(call.services, call.context, call.path["id"])
    key = call.path["key"]
    if key not in volume.metadata:
        raise NotFound("Metadata item was not found.")
    return {"meta": {key: volume.metadata[key]}}


def set_item(call: Call[VolumeServices]) -> dict[str, Any]:
    given = call.body["meta"]
    if call.path["key"] not in given:
        raise Invalid("Request body and URI mismatch", field="meta")
    volumes.change_metadata(call.services, call.context, call.path["id"], given)
    return {"meta": given}


def delete_item(call: Call[VolumeServices]) -> None:
    volumes.change_metadata(call.services, call.context, call.path["id"], {}, drop=call.path["key"])


_PATH = "/volumes/<id>/metadata"
ROUTES = paths.all_of(
    Route("GET", _PATH, list_metadata, policy=Rule("volume:get_volume_metadata", READER)),
    Route("POST", _PATH, merge, policy=Rule("volume:create_volume_metadata", MEMBER), body=_ALL),
    Route("PUT", _PATH, replace, policy=Rule("volume:update_volume_metadata", MEMBER), body=_ALL),
    Route("GET", _PATH + "/<key>", show_item, policy=Rule("volume:get_volume_metadata", READER)),
    Route("PUT", _PATH + "/<key>", set_item, policy=Rule("volume:update_volume_metadata", MEMBER), body=_ONE),
    Route("DELETE", _PATH + "/<key>", delete_item, policy=Rule("volume:delete_volume_metadata", MEMBER)),
)
