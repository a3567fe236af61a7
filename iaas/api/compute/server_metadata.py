"""A server's metadata: read, merged, replaced, and single items."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.server_body import METADATA
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import obj
from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound

_ALL = obj({"metadata": METADATA}, ("metadata",))
_ONE = obj({"meta": {**METADATA, "minProperties": 1, "maxProperties": 1}}, ("meta",))


def list_metadata(call: Call[Compute]) -> dict[str, Any]:
    return {"metadata": servers.metadata(call.services, call.context, call.path["id"])}


def merge(call: Call[Compute]) -> dict[str, Any]:
    given = call.body["metadata"]
    changed = servers.change_metadata(call.services, call.context, call.path["id"], lambda now: {**now, **given})
    return {"metadata": changed}


def replace(call: Call[Compute]) -> dict[str, Any]:
    given = call.body["metadata"]
    return {"metadata": servers.change_metadata(call.services, call.context, call.path["id"], lambda now: given)}


def show_item(call: Call[Compute]) -> dict[str, Any]:
    key = call.path["key"]
    found = servers.metadata(call.services, call.context, call.path["id"])
    if key not in found:
        raise NotFound("Metadata item was not found")
    return {"meta": {key: found[key]}}


def set_item(call: Call[Compute]) -> dict[str, Any]:
    key, given = call.path["key"], call.body["meta"]
    if key not in given:
        raise Invalid("Request body and URI mismatch", field="meta")
    servers.change_metadata(call.services, call.context, call.path["id"], lambda now: {**now, **given})
    return {"meta": given}


def delete_item(call: Call[Compute]) -> None:
    key = call.path["key"]

    def without(now: dict[str, str]) -> dict[str, str]:
        if key not in now:
            raise NotFound("Metadata item was not found")
        return {name: value for name, value in now.items() if name != key}

    servers.change_metadata(call.services, call.context, call.path["id"], without)


_PATH = "/v2.1/servers/<id>/metadata"
_RULE = "os_compute_api:server-metadata:"
ROUTES = (
    Route("GET", _PATH, list_metadata, policy=Rule(_RULE + "index", READER)),
    Route("POST", _PATH, merge, policy=Rule(_RULE + "create", MEMBER), body=_ALL),
    Route("PUT", _PATH, replace, policy=Rule(_RULE + "update_all", MEMBER), body=_ALL),
    Route("GET", _PATH + "/<key>", show_item, policy=Rule(_RULE + "show", READER)),
    Route("PUT", _PATH + "/<key>", set_item, policy=Rule(_RULE + "update", MEMBER), body=_ONE),
    Route("DELETE", _PATH + "/<key>", delete_item, policy=Rule(_RULE + "delete", MEMBER), status=204),
)
