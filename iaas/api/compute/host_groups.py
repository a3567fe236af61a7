"""Availability zones, and the groupings of which there are none yet: host aggregates and server groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, READER, Route, Rule
from iaas.clock import iso8601_micro
from iaas.compute import daemons
from iaas.compute.daemons import Daemon
from iaas.compute.service import Compute
from iaas.errors import NotFound


def list_zones(call: Call[Compute]) -> dict[str, Any]:
    zones = _by_zone(daemons.all_of(call.services, daemons.COMPUTE))
    shown = [
        {"zoneName": zone, "zoneState": {"available": _available(items)}, "hosts": None}
        for zone, items in sorted(zones.items())
    ]
    return {"availabilityZoneInfo": shown}


def list_zone_details(call: Call[Compute]) -> dict[str, Any]:
    zones = _by_zone(daemons.all_of(call.services))
    shown = [
        {"zoneName": zone, "zoneState": {"available": _available(items)}, "hosts": _hosts(items)}
        for zone, items in sorted(zones.items())
    ]
    return {"availabilityZoneInfo": shown}


def _by_zone(found: Sequence[Daemon]) -> dict[str, list[Daemon]]:
    zones: dict[str, list[Daemon]] = {}
    for item in found:
        zones.setdefault(item.zone, []).append(item)
    return zones


def _available(items: Sequence[Daemon]) -> bool:
    return any(not item.service.disabled for item in items)


def _hosts(items: Sequence[Daemon]) -> dict[str, dict[str, Any]]:
    hosts: dict[str, dict[str, Any]] = {}
    for item in items:
        hosts.setdefault(item.service.host, {})[daemons.published(item.service.binary)] = {
            "active": not item.service.disabled,
            "available": item.up,
            "updated_at": iso8601_micro(item.service.last_seen),
        }
    return hosts


def list_aggregates(call: Call[Compute]) -> dict[str, Any]:
    return {"aggregates": []}


def show_aggregate(call: Call[Compute]) -> None:
    raise NotFound(f"Aggregate {call.path['id'][:64]} could not be found.")


def list_server_groups(call: Call[Compute]) -> dict[str, Any]:
    return {"server_groups": []}


def show_server_group(call: Call[Compute]) -> None:
    raise NotFound(f"Instance group {call.path['id'][:64]} could not be found.")


_ZONES = "/v2.1/os-availability-zone"
ROUTES = (
    Route("GET", _ZONES, list_zones, policy=Rule("os_compute_api:os-availability-zone:list", ANY)),
    Route("GET", _ZONES + "/detail", list_zone_details,
          policy=Rule("os_compute_api:os-availability-zone:detail", ADMIN)),
    Route("GET", "/v2.1/os-aggregates", list_aggregates, policy=Rule("os_compute_api:os-aggregates:index", ADMIN)),
    Route("GET", "/v2.1/os-aggregates/<id>", show_aggregate, policy=Rule("os_compute_api:os-aggregates:show", ADMIN)),
    Route("GET", "/v2.1/os-server-groups", list_server_groups,
          policy=Rule("os_compute_api:os-server-groups:index", READER)),
    Route("GET", "/v2.1/os-server-groups/<id>", show_server_group,
          policy=Rule("os_compute_api:os-server-groups:show", READER)),
)  # fmt: skip
