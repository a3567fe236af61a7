"""Facts about the service: import methods, and how much of its quota a project uses."""

from __future__ import annotations

from typing import Any

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.route import Route
from iaas.db import quotas
from iaas.db.image import images as rows

_MIB = 1024 * 1024


def import_info(call: ImageCall) -> dict[str, Any]:
    methods = list(call.services.options.import_methods)
    return {"import-methods": {"description": "Import methods available.", "type": "array", "value": methods}}


def usage_info(call: ImageCall) -> dict[str, Any]:
    """Sizes in MiB, rounded up, as the published API has them; -1 is no limit of its own."""
    project = call.context.owner
    with call.services.database.read() as tx:
        options = call.services.options
        limits = quotas.limits(tx, project, {rows.BYTES: options.project_quota, rows.COUNT: options.project_images})
        used = quotas.usage(tx, project)
        uploading, staged = rows.uploading(tx, project), rows.staged(tx, project)
    most, held = limits[rows.BYTES], used.get(rows.BYTES, 0)
    return {
        "usage": {
            "image_size_total": {"usage": -(-held // _MIB), "limit": most // _MIB if most >= 0 else -1},
            "image_stage_total": {"usage": -(-staged // _MIB), "limit": -1},  # of those above
            "image_count_total": {"usage": used.get(rows.COUNT, 0), "limit": limits[rows.COUNT]},
            "image_count_uploading": {"usage": uploading, "limit": -1},
        }
    }


ROUTES = (
    Route("GET", "/v2/info/import", import_info, policy=access.DEFAULT),
    Route("GET", "/v2/info/usage", usage_info, policy=access.DEFAULT),
)
