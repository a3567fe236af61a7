"""os-availability-zone: the zones that hosts are in, by their aggregates; and the hosts and daemons of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.clock import iso8601_micro
from iaas.compute import daemons
from iaas.compute.daemons import Daemon
from iaas.compute.service import Compute


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


_PATH = "/v2.1/os-availability-zone"
ROUTES = (
    Route("GET", _PATH, list_zones, policy=Rule("os_compute_api:os-availability-zone:list", ANY)),
    Route("GET", _PATH + "/detail", list_zone_details,
          policy=Rule("os_compute_api:os-availability-zone:detail", ADMIN)),
)  # fmt: skip
