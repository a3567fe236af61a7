"""Quota sets of projects, and the limits that a project sees of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, ANY, READER, Route, Rule
from iaas.api.schema import as_bool, obj
from iaas.api.volume import paths
from iaas.volume import quotas
from iaas.volume.service import QUOTA_DEFAULTS, VolumeServices

_LIMIT = {"type": ["integer", "string"], "pattern": "^(-1|[0-9]{1,9})$", "minimum": -1, "maximum": 2**31 - 1}
UPDATE = obj({"quota_set": obj({**dict.fromkeys(QUOTA_DEFAULTS, _LIMIT),
                                "tenant_id": {"type": "string", "maxLength": 64}})}, ("quota_set",))  # fmt: skip
_SHOW = Rule("volume_extension:quotas:show", READER)
_UPDATE = Rule("volume_extension:quotas:update", ADMIN)


def show(call: Call[VolumeServices]) -> dict[str, Any]:
    """``usage`` asks for what is in use beside each limit."""
    call.enforce(_SHOW.name, {"project_id": call.path["id"]})
    found = quotas.of_project(call.services, call.path["id"])
    shown: Mapping[str, Any] = found.limits
    if as_bool(call.query.get("usage", "false")):
        shown = {
            name: {"limit": limit, "in_use": found.used[name], "reserved": 0, "allocated": 0}
            for name, limit in found.limits.items()
        }
    return {"quota_set": {"id": call.path["id"], **shown}}


def defaults(call: Call[VolumeServices]) -> dict[str, Any]:
    call.enforce(_SHOW.name, {"project_id": call.path["id"]})
    return {"quota_set": {"id": call.path["id"], **call.services.quota}}


def update(call: Call[VolumeServices]) -> dict[str, Any]:
    body = call.body["quota_set"]
    wanted = {name: int(body[name]) for name in QUOTA_DEFAULTS if name in body}
    return {"quota_set": dict(quotas.update(call.services, call.path["id"], wanted))}


def delete(call: Call[VolumeServices]) -> None:
    quotas.reset(call.services, call.path["id"])


def absolute(call: Call[VolumeServices]) -> dict[str, Any]:
    """``project_id`` is an administrator's; from others it is not heard."""
    project = call.context.owner
    if call.context.is_admin and call.query.get("project_id"):
        project = call.query["project_id"]
    found = quotas.of_project(call.services, project)
    shown = {
        "maxTotalVolumes": found.limits["volumes"],
        "maxTotalVolumeGigabytes": found.limits["gigabytes"],
        "maxTotalSnapshots": found.limits["snapshots"],
        "maxTotalBackups": found.limits["backups"],
        "maxTotalBackupGigabytes": found.limits["backup_gigabytes"],
        "totalVolumesUsed": found.used["volumes"],
        "totalGigabytesUsed": found.used["gigabytes"],
        "totalSnapshotsUsed": found.used["snapshots"],
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }
    return {"limits": {"rate": [], "absolute": shown}}


_PATH = "/os-quota-sets/<id>"
ROUTES = paths.both(
    Route("GET", _PATH, show, policy=_SHOW),
    Route("GET", _PATH + "/defaults", defaults, policy=_SHOW),
    Route("PUT", _PATH, update, policy=_UPDATE, body=UPDATE),
    Route("DELETE", _PATH, delete, policy=Rule("volume_extension:quotas:delete", ADMIN)),
    Route("GET", "/limits", absolute, policy=Rule("limits_extension:used_limits", ANY)),
)
