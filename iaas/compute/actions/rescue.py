"""Rescue: a server that can't help itself runs from another image, its own disk beside it; and back."""

from __future__ import annotations

from iaas.compute import lifecycle, servers
from iaas.compute.actions.rebuild import usable_image
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Invalid


def rescue(compute: Compute, context: Context, server_id: str, image_id: str | None, zero_disk: bool) -> None:
    """``image_id`` None: the image that the server was made of. Raises NotFound, Conflict, Forbidden; Invalid for an
    image that can't be, and for a server that boots from a volume.
    """

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        if server.image_id is None:
            raise Invalid(f"Instance {server_id} cannot be rescued: it boots from a volume.")
        wanted = image_id or server.image_id
        usable_image(compute, tx, context, server, wanted, zero_disk, "rescue_image_ref")
        lifecycle.begin(compute, tx, context, server, "rescue", "server.rescue",
                        rescue_image_id=wanted, origin_state=server.state)  # fmt: skip

    compute.database.run(write)


def unrescue(compute: Compute, context: Context, server_id: str) -> None:
    """Raises NotFound; Conflict in another state than rescued, or when locked."""
    lifecycle.order(compute, context, server_id, "unrescue", "server.unrescue")
