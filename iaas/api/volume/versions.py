"""Version documents of the volume API: what discovery reads before anything else. No token needed."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import Reply, Route
from iaas.api.volume.dialect import DIALECT


def _entry(call: Call[Any]) -> dict[str, Any]:
    described = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": DIALECT.microversions.maximum,
        "min_version": DIALECT.microversions.minimum,
        "updated": "2016-10-07T00:00:00Z",
        "links": [described, {"rel": "self", "href": f"{call.base_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }


def list_versions(call: Call[Any]) -> Reply:
    return Reply({"versions": [_entry(call)]}, status=300)


def show_version(call: Call[Any]) -> dict[str, Any]:
    return {"versions": [_entry(call)]}


ROUTES = (
    Route("GET", "/", list_versions, public=True),
    Route("GET", "/v3", show_version, public=True),
)
