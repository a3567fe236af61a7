"""Version documents, which clients read first to find the API below the URL that they were given."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import Route


def _v3(call: Call[Any]) -> dict[str, Any]:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.base_url}/v3/"}],
        "media-types": [
            {"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"},
        ],
    }


def list_versions(call: Call[Any]) -> dict[str, Any]:
    return {"versions": {"values": [_v3(call)]}}


def show_version(call: Call[Any]) -> dict[str, Any]:
    return {"version": _v3(call)}


ROUTES = (
    Route("GET", "/", list_versions, public=True, status=300),
    Route("GET", "/v3", show_version, public=True),
)
