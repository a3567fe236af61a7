"""Facts about the service: import methods, and how much of its quota a project uses."""

from __future__ import annotations

from typing import Any

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.route import Route
from iaas.db import quotas
from iaas.db.image import images as rows
from iaas.db.image.uploads import RESOURCE

_MIB = 1024 * 1024


def import_info(call: ImageCall) -> dict[str, Any]:
    return {"import-methods": {"description": "Import methods available.", "type": "array", "value": []}}


def usage_info(call: ImageCall) -> dict[str, Any]:
    """Sizes in MiB, rounded up, as the published API has them; -1 is no limit."""
    project = call.context.owner
    with call.services.database.read() as tx:
        defaults = {RESOURCE: call.services.options.project_quota}
        limit = quotas.limits(tx, project, defaults)[RESOURCE]
        used = quotas.usage(tx, project).get(RESOURCE, 0)
        count, saving = rows.usage(tx, project)
    return {
        "usage": {
            "image_size_total": {"usage": -(-used // _MIB), "limit": limit // _MIB if limit >= 0 else -1},
            "image_count_total": {"usage": count, "limit": -1},
            "image_count_uploading": {"usage": saving, "limit": -1},
        }
    }


ROUTES = (
    Route("GET", "/v2/info/import", import_info, policy=access.DEFAULT),
    Route("GET", "/v2/info/usage", usage_info, policy=access.DEFAULT),
)
