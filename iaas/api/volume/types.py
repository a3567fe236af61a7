"""Volume types, read only, and what tools read beside them: zones, and lists of what is not offered."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ANY, READER, Route, Rule
from iaas.api.volume import paths
from iaas.db.volume import types
from iaas.model.volume import VolumeType
from iaas.volume.service import ZONE, VolumeServices


def list_types(call: Call[VolumeServices]) -> dict[str, Any]:
    with call.services.database.read() as tx:
        return {"volume_types": [_shown(kind) for kind in types.all_public(tx)]}


def show_type(call: Call[VolumeServices]) -> dict[str, Any]:
    """``default`` is a name for whichever is the default."""
    if call.path["id"] == "default":
        return {"volume_type": _shown(types.DEFAULT)}
    with call.services.database.read() as tx:
        return {"volume_type": _shown(types.find(tx, call.path["id"]))}


def _shown(kind: VolumeType) -> dict[str, Any]:
    return {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.is_public,
        "os-volume-type-access:is_public": kind.is_public,
        "extra_specs": kind.extra_specs,
        "qos_specs_id": None,
    }


def list_zones(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"availabilityZoneInfo": [{"zoneName": ZONE, "zoneState": {"available": True}}]}


def list_extensions(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"extensions": []}


def list_snapshots(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"snapshots": []}


def list_backups(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"backups": []}


ROUTES = paths.all_of(
    Route("GET", "/types", list_types, policy=Rule("volume_extension:type_get_all", READER)),
    Route("GET", "/types/<id>", show_type, policy=Rule("volume_extension:type_get", READER)),
    Route("GET", "/os-availability-zone", list_zones, policy=Rule("volume:availability_zone_list", ANY)),
    Route("GET", "/extensions", list_extensions, policy=Rule("volume:extensions", ANY)),
    Route("GET", "/snapshots", list_snapshots, policy=Rule("volume:get_all_snapshots", READER)),
    Route("GET", "/snapshots/detail", list_snapshots, policy=Rule("volume:get_all_snapshots", READER)),
    Route("GET", "/backups", list_backups, policy=Rule("backup:get_all", READER)),
    Route("GET", "/backups/detail", list_backups, policy=Rule("backup:get_all", READER)),
)
