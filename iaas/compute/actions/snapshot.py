"""An image of a server's disk: queued here with what it will be, filled by the server's host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iaas.compute import lifecycle, servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.operation import FILLS
from iaas.model.server import Server

DEADLINE_S = 6 * 3600
# Beginnings of names of properties that tell of one image only
_OWN = ("img_signature", "image_type", "backup_type", "instance_uuid", "base_image_ref", "os_glance", "owner_")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``rotation``: of a backup, how many of its type are kept; None for an image that is none."""

    name: str
    metadata: Mapping[str, str]
    backup_type: str | None = None
    rotation: int | None = None


def create_image(compute: Compute, context: Context, server_id: str, wish: Wish) -> str:
    """The id of an image of the caller's project that will be active when the host has filled it, or gone.

    Raises NotFound; Conflict when the state or a lock forbids it; Invalid for metadata that can't be properties of an
    image, and for a server that boots from a volume; QuotaExceeded.
    """

    def write(tx: Tx) -> str:
        server = servers.get(tx, context, server_id)
        if server.image_id is None:
            raise Invalid("An image of a server that boots from a volume is not supported: snapshot the volume.")
        image_id = queue(compute, tx, context, server, wish)
        params: dict[str, Any] = {FILLS: image_id}
        if wish.rotation is not None:
            params |= {"backup_type": wish.backup_type, "rotation": wish.rotation}
        kind = "server.createImage" if wish.rotation is None else "server.createBackup"
        lifecycle.begin(compute, tx, context, server, "snapshot", kind, params, deadline_s=DEADLINE_S)
        return image_id

    return compute.database.run(write)


def queue(compute: Compute, tx: Tx, context: Context, server: Server, wish: Wish) -> str:
    """A queued image with the properties of the server's own image, the user's, and what it is. Raises Invalid,
    QuotaExceeded.
    """
    limit = compute.quota["metadata_items"]
    if len(wish.metadata) > limit:
        raise QuotaExceeded(f"Maximum number of metadata items exceeds {limit}")
    properties, min_disk, min_ram = _inherited(compute, tx, context, server)
    properties |= dict(wish.metadata)
    properties |= {
        "image_type": "snapshot" if wish.rotation is None else "backup",
        "instance_uuid": server.id,
        "base_image_ref": server.image_id or "",
        "user_id": context.user_id or "",
        "owner_id": context.owner,
    }
    if wish.backup_type is not None:
        properties["backup_type"] = wish.backup_type
    columns = {
        "id": new_uuid(), "name": wish.name, "disk_format": "qcow2",
        "min_disk": max(min_disk, server.flavor.disk_gb), "min_ram": min_ram,
    }  # fmt: skip
    return compute.image.queue(tx, context, columns, properties).id


def _inherited(compute: Compute, tx: Tx, context: Context, server: Server) -> tuple[dict[str, str], int, int]:
    """Properties, min_disk and min_ram of the server's image; none when that is gone or no longer the caller's."""
    try:
        base = compute.image.get(tx, context, server.image_id or "")
    except NotFound:
        return {}, 0, 0
    kept = {name: value for name, value in base.properties.items() if not name.startswith(_OWN)}
    return kept, base.min_disk, base.min_ram
