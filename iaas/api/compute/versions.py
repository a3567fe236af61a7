"""Version documents: what discovery reads before anything else. No token needed."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.dialect import DIALECT
from iaas.api.route import Reply, Route


def _entry(call: Call[Any]) -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": DIALECT.microversions.maximum,
        "min_version": DIALECT.microversions.minimum,
        "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{call.base_url}/v2.1/"}],
    }


def list_versions(call: Call[Any]) -> dict[str, Any]:
    return {"versions": [_entry(call)]}


def choices(call: Call[Any]) -> Reply:
    """An unversioned client may go on from here."""
    return Reply({"choices": [_entry(call)]}, status=300)


def show_version(call: Call[Any]) -> dict[str, Any]:
    media = {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
    described = {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/api-ref/compute/"}
    entry = _entry(call)
    return {"version": {**entry, "links": [*entry["links"], described], "media-types": [media]}}


ROUTES = (
    Route("GET", "/", list_versions, public=True),
    Route("GET", "/v2.1", show_version, public=True),
    Route("GET", "/versions", choices, public=True),
)
