"""Version documents, which clients read first to find the API below the URL that they were given."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from iaas.api.call import Call
from iaas.api.identity import home
from iaas.api.route import Reply, Route


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


def list_versions(call: Call[Any]) -> Reply:
    return _home("/v3") if _wants_home(call) else Reply({"versions": {"values": [_v3(call)]}})


def show_version(call: Call[Any]) -> Reply:
    return _home("") if _wants_home(call) else Reply({"version": _v3(call)})


def _wants_home(call: Call[Any]) -> bool:
    offered = ("application/json", home.MEDIA_TYPE)
    return parse_accept_header(call.headers.get("Accept"), MIMEAccept).best_match(offered) == home.MEDIA_TYPE


def _home(prefix: str) -> Reply:
    return Reply(home.document(prefix), status=200, headers={"Content-Type": home.MEDIA_TYPE})


ROUTES = (
    Route("GET", "/", list_versions, public=True, status=300),
    Route("GET", "/v3", show_version, public=True),
)
