"""GET / and /v2.0: which version there is, and which collections it has."""

from __future__ import annotations

from typing import Any

from iaas.api.network.rules import Services
from iaas.api.route import Route

_COLLECTIONS = (
    "networks", "subnets", "ports", "security_groups", "security_group_rules", "agents", "quotas",
    "routers", "floatingips",
    "availability_zones", "network_ip_availabilities", "extensions",
)  # fmt: skip


def versions(call: Services) -> dict[str, Any]:
    link = {"rel": "self", "href": f"{call.base_url}/v2.0/"}
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]}


def resources(call: Services) -> dict[str, Any]:
    return {
        "resources": [
            {
                "name": name[:-3] + "y" if name.endswith("ies") else name[:-1],
                "collection": name,
                "links": [{"rel": "self", "href": f"{call.base_url}/v2.0/{_path(name)}"}],
            }
            for name in _COLLECTIONS
        ]
    }


def _path(name: str) -> str:
    return name if name == "availability_zones" else name.replace("_", "-")


ROUTES = (
    Route("GET", "/", versions, public=True),
    Route("GET", "/v2.0", resources, public=True),
)
