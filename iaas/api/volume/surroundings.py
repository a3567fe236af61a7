"""What tools read beside the volumes: the zone, the extensions, and empty lists of what is not offered.

An empty list is true, and lets a client that cleans up a project, or shows everything in it, go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, READER, Route, Rule
from iaas.api.volume import paths
from iaas.volume.service import ZONE

# alias -> name
_EXTENSIONS = {
    "os-admin-actions": "AdminActions",
    "os-availability-zone": "AvailabilityZones",
    "os-extended-services": "ExtendedServices",
    "os-quota-sets": "Quotas",
    "os-services": "Services",
    "os-used-limits": "UsedLimits",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
}


def list_zones(call: Call[Any]) -> dict[str, Any]:
    return {"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": True}}]}


def list_extensions(call: Call[Any]) -> dict[str, Any]:
    shown = [
        {"alias": alias, "name": name, "description": f"{name} support.", "updated": "2016-10-07T00:00:00Z",
         "links": []}
        for alias, name in _EXTENSIONS.items()
    ]  # fmt: skip
    return {"extensions": shown}


def _empty(key: str) -> Callable[[Call[Any]], dict[str, Any]]:
    def answer(call: Call[Any]) -> dict[str, Any]:
        return {key: []}

    return answer


def _absent(path: str, key: str, rule: str, check: str = READER, since: str | None = None) -> tuple[Route, ...]:
    policy = Rule(rule, check)
    return tuple(
        Route("GET", f"/{path}{detail}", _empty(key), policy=policy, since=since) for detail in ("", "/detail")
    )


ROUTES = paths.both(
    Route("GET", "/os-availability-zone", list_zones, policy=Rule("volume:availability_zone_list", ANY)),
    Route("GET", "/extensions", list_extensions, policy=Rule("volume:extensions", ANY)),
    *_absent("backups", "backups", "backup:get_all"),
    *_absent("os-volume-transfer", "transfers", "volume:get_all_transfers"),
    *_absent("messages", "messages", "message:get_all", since="3.3"),
    *_absent("clusters", "clusters", "clusters:get_all", ADMIN, since="3.7"),
    *_absent("group_types", "group_types", "group:get_all_group_types", since="3.11"),
)
