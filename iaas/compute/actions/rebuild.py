"""Rebuild: a new root disk for a server and, if asked, other words about itself; it keeps its id, ports and volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.compute import fitting, lifecycle, named_by_images, server_disks, servers
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.compute import keypairs, nodes
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound, QuotaExceeded
from iaas.model.image import Image
from iaas.model.placement import asked_of_hosts, misfit
from iaas.model.server import Server


def rebuild(
    compute: Compute, context: Context, server_id: str, image_id: str, changes: Mapping[str, Any], zero_disk: bool
) -> None:
    """``changes``: new values of name, description, metadata, user_data and key_name (None: no key), where given.

    Raises NotFound; Conflict when the state or a lock forbids it; Invalid for an image or a key that can't be;
    Forbidden, QuotaExceeded.
    """

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        image = usable_image(compute, tx, context, server, image_id, zero_disk)
        values = {name: changes[name] for name in ("name", "description", "metadata", "user_data") if name in changes}
        if len(values.get("metadata", ())) > compute.quota["metadata_items"]:
            raise QuotaExceeded(f"Maximum number of metadata items exceeds {compute.quota['metadata_items']}")
        if "key_name" in changes:
            values |= _key(tx, server, changes["key_name"])
        drive = server.config_drive or server_disks.needs_config_drive(compute, image.properties)
        values |= {"image_id": image_id, "origin_state": server.state, "config_drive": drive}
        lifecycle.begin(compute, tx, context, server, "rebuild", "server.rebuild", **values)

    compute.database.run(write)


def usable_image(
    compute: Compute, tx: Tx, context: Context, server: Server, image_id: str, zero_disk: bool, field: str = "imageRef"
) -> Image:
    """An image that the caller may boot from and that fits the server's flavor and its host, as the scheduler's filter
    would say (S-058). Raises Invalid, Forbidden."""
    if server.image_id is None:
        raise Invalid("A server that boots from a volume can't get another root disk.", field=field)
    try:
        image = compute.image.get_for_boot(tx, context, image_id)
    except NotFound as error:
        raise Invalid(f"Image {image_id} could not be found.", field=field) from error
    fitting.check(image, server.flavor, zero_disk)
    node = nodes.of_host(tx, server.host) if server.host else None
    if node is not None and (reason := misfit(asked_of_hosts(image.properties), node)):
        raise Invalid(f"Image {image_id} can't run on the server's host: {reason}.", field=field)
    named_by_images.check(compute, tx, context, image.properties, field)
    return image


def _key(tx: Tx, server: Server, name: str | None) -> dict[str, Any]:
    """The owner's key, whoever rebuilds."""
    if name is None:
        return {"key_name": None, "key_data": None}
    try:
        key = keypairs.get(tx, server.user_id, name)
    except NotFound as error:
        raise Invalid("Invalid key_name provided.", field="key_name") from error
    return {"key_name": key.name, "key_data": key.public_key}
