"""The version document. Up to v2.17, with locations as a resource of their own; without v2.14, which is the API of a
cache that the original keeps in front of its stores and this service does not need: clients ask the document before
they use it.
"""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import Reply, Route

_OLDER = tuple(f"v2.{minor}" for minor in range(16, -1, -1) if minor != 14)


def list_versions(call: Call[Any]) -> dict[str, Any]:
    links = [{"rel": "self", "href": f"{call.base_url}/v2/"}]
    current = {"id": "v2.17", "status": "CURRENT", "links": links}
    older = [{"id": version, "status": "SUPPORTED", "links": links} for version in _OLDER]
    return {"versions": [current, *older]}


def choose_version(call: Call[Any]) -> Reply:
    return Reply(list_versions(call), status=300)


ROUTES = (
    Route("GET", "/", choose_version, public=True, status=300),
    Route("GET", "/v2/", list_versions, public=True),
    Route("GET", "/versions", list_versions, public=True),
)
