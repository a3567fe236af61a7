"""Shelve, offload, unshelve: a server that nobody needs for a while is kept as an image, and then on no host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iaas.compute import lifecycle, servers
from iaas.compute.actions import snapshot
from iaas.compute.actions.snapshot import Wish
from iaas.compute.create import zones
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Conflict, Invalid
from iaas.model.operation import FILLS
from iaas.model.server import State


def shelve(compute: Compute, context: Context, server_id: str) -> None:
    """Off, its disk in an image of its project. Raises NotFound; Conflict; Invalid and QuotaExceeded of the image."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        params: dict[str, Any] = {}
        if server.image_id is not None:
            owner = replace(context, project_id=server.project_id)
            params[FILLS] = snapshot.queue(
                compute, tx, owner, server, Wish(name=f"{server.name[:247]}-shelved", metadata={})
            )
        lifecycle.begin(compute, tx, context, server, "shelve", "server.shelve", params,
                        deadline_s=snapshot.DEADLINE_S, origin_state=server.state)  # fmt: skip

    compute.database.run(write)


def offload(compute: Compute, context: Context, server_id: str) -> None:
    """A shelved server leaves its host. Raises NotFound; Conflict in another state than shelved."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        lifecycle.begin(compute, tx, context, server, "shelve_offload", "server.shelveOffload", deadline=False)

    compute.database.run(write)


def unshelve(compute: Compute, context: Context, server_id: str, zone: str | None = None) -> None:
    """Running again, on its host or, once it was offloaded, on any. ``zone``: another availability zone, of an
    offloaded server. Raises NotFound; Conflict; Invalid for a zone that there is not.
    """

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        values: dict[str, Any] = {}
        if zone is not None:
            if server.state is State.SHELVED:
                words = (
                    f"Availability zone can't be changed while instance {server_id} is on a host: it is not offloaded."
                )
                raise Conflict(words, resource="server", id=server_id)
            if zone not in zones(compute, tx):
                raise Invalid("The requested availability zone is not available", field="availability_zone")
            values["availability_zone"] = zone
        lifecycle.begin(compute, tx, context, server, "unshelve", "server.unshelve",
                        {"kept": server.state is State.SHELVED}, on_host=server.state is State.SHELVED,
                        deadline_s=snapshot.DEADLINE_S, **values)  # fmt: skip

    compute.database.run(write)
