"""Quota sets of projects, and the limits that a project sees of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, READER, Route, Rule
from iaas.api.schema import as_bool, obj
from iaas.api.volume import paths
from iaas.volume import limits
from iaas.volume.service import VolumeServices

_RESOURCES = ("volumes", "gigabytes")
# Named by the API and not offered here.
_CONSTANT = {"snapshots": 0, "backups": 0, "backup_gigabytes": 0, "groups": 0, "per_volume_gigabytes": -1}
_LIMIT = {"type": ["integer", "string"], "pattern": "^-?[0-9]{1,10}$", "minimum": -1, "maximum": 2**31 - 1}
UPDATE = obj({"quota_set": obj({**dict.fromkeys(_RESOURCES, _LIMIT),
                                "tenant_id": {"type": "string", "maxLength": 64}})}, ("quota_set",))  # fmt: skip
_SHOW = Rule("volume_extension:quotas:show", READER)
_UPDATE = Rule("volume_extension:quotas:update", ADMIN)


def show(call: Call[VolumeServices]) -> dict[str, Any]:
    call.enforce(_SHOW.name, {"project_id": call.path["id"]})
    found = limits.of_project(call.services, call.path["id"])
    shown = _shown(found.limits)
    if not as_bool(call.query.get("usage", "false")):
        return {"quota_set": {"id": call.path["id"], **shown}}
    counted = {
        name: {"limit": limit, "in_use": found.used.get(name, 0), "reserved": 0} for name, limit in shown.items()
    }
    return {"quota_set": {"id": call.path["id"], **counted}}


def defaults(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"quota_set": {"id": call.path["id"], **_shown(call.services.quota)}}


def update(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["quota_set"]
    wanted = {name: int(body[name]) for name in _RESOURCES if name in body}
    return {"quota_set": _shown(limits.update(call.services, call.path["id"], wanted))}


def delete(call: Call[VolumeServices]) -> None:
    limits.reset(call.services, call.path["id"])


def absolute(call: Call[VolumeServices]) -> dict[str, Any]:
    project = call.context.owner
    if call.context.is_admin and call.query.get("project_id"):
        project = call.query["project_id"]
    found = limits.of_project(call.services, project)
    return {"limits": {"rate": [], "absolute": {
        "maxTotalVolumes": found.limits["volumes"],
        "maxTotalVolumeGigabytes": found.limits["gigabytes"],
        "totalVolumesUsed": found.used["volumes"],
        "totalGigabytesUsed": found.used["gigabytes"],
        "maxTotalSnapshots": 0,
        "totalSnapshotsUsed": 0,
        "maxTotalBackups": 0,
        "totalBackupsUsed": 0,
        "maxTotalBackupGigabytes": 0,
        "totalBackupGigabytesUsed": 0,
    }}}  # fmt: skip


def _shown(found: Mapping[str, int]) -> dict[str, int]:
    return {**{name: found[name] for name in _RESOURCES}, **_CONSTANT}


_PATH = "/os-quota-sets/<id>"
ROUTES = paths.all_of(
    Route("GET", _PATH, show, policy=_SHOW),
    Route("GET", _PATH + "/defaults", defaults, policy=_SHOW),
    Route("PUT", _PATH, update, policy=_UPDATE, body=UPDATE),
    Route("DELETE", _PATH, delete, policy=Rule("volume_extension:quotas:delete", ADMIN)),
    Route("GET", "/limits", absolute, policy=Rule("limits_extension:used_limits", ANY)),
)
