"""Volumes of servers as the compute API has them: list, show, attach, detach, and what happens at the server's end.

Attaching and detaching is accepted in one transaction: the attachment's row, the volume's state and the operation,
which waits for its turn on the server (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iaas.compute import servers, work
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.errors import Conflict, Forbidden, NotFound
from iaas.model.operation import NO_TURN
from iaas.model.server import ATTACHABLE, SERVER, Server
from iaas.model.volume import Attachment, AttachmentState


@dataclass(frozen=True, kw_only=True)
class NewAttachment:
    """``device``: a wish, "/dev/vdc"; ``multiattach``: the caller knows that others may have the volume, too."""

    volume_id: str
    device: str | None = None
    delete_on_termination: bool = False
    tag: str | None = None
    multiattach: bool = False


def of_server(compute: Compute, context: Context, server_id: str) -> Sequence[Attachment]:
    """In the order of the devices. Raises NotFound."""
    with compute.database.read() as tx:
        return compute.volume.attachments(tx, servers.get(tx, context, server_id).id)


def one(compute: Compute, context: Context, server_id: str, volume_id: str) -> Attachment:
    """Raises NotFound for the server, and for a volume that it has not."""
    with compute.database.read() as tx:
        return _find(compute, tx, servers.get(tx, context, server_id), volume_id)


def attach(compute: Compute, context: Context, server_id: str, wish: NewAttachment) -> Attachment:
    """Raises NotFound (server or volume); Conflict for a server that is locked, in another state, or busy, and for a
    device name that is in use; Invalid for a volume that can't be attached now."""

    def write(tx: Tx) -> Attachment:
        server = _ready(tx, context, server_id, "attach_volume")
        volume = compute.volume.get(tx, context, wish.volume_id)
        if volume.multiattach and not wish.multiattach:
            raise Conflict("Multiattach volumes are only supported starting with compute API version 2.60.")
        attachment = compute.volume.reserve(
            tx, context, volume.id, server.id, device=wish.device, taken=server.local_devices,
            delete_on_termination=wish.delete_on_termination, tag=wish.tag,
        )  # fmt: skip
        compute.volume.attaching(tx, attachment.id)
        _queue(compute, tx, context, "server.attach_volume", attachment)
        return attachment

    return compute.database.run(write)


def detach(compute: Compute, context: Context, server_id: str, volume_id: str) -> None:
    """Raises NotFound; Conflict as ``attach``; Invalid for a volume that is on its way already; Forbidden for the root
    disk."""

    def write(tx: Tx) -> None:
        server = _ready(tx, context, server_id, "detach_volume")
        attachment = _find(compute, tx, server, volume_id)
        if attachment.boot_index == 0:
            raise Forbidden("Cannot detach a root device volume")
        if server.host is None and attachment.state is AttachmentState.RESERVED:
            compute.volume.release(tx, attachment.id)  # nothing was ever connected
            return
        compute.volume.begin_detach(tx, attachment.id)
        _queue(compute, tx, context, "server.detach_volume", attachment)

    compute.database.run(write)


def keep(compute: Compute, context: Context, server_id: str, volume_id: str, delete_on_termination: bool) -> None:
    """Whether the volume ends with the server. Raises NotFound."""

    def write(tx: Tx) -> None:
        server = servers.get(tx, context, server_id)
        attachment = _find(compute, tx, server, volume_id)
        compute.volume.end_with_server(tx, attachment.id, delete_on_termination)

    compute.database.run(write)


def _ready(tx: Tx, context: Context, server_id: str, event: str) -> Server:
    server = servers.get(tx, context, server_id)
    servers.check_unlocked(context, server)
    task = server.shown_task
    if server.state not in ATTACHABLE or task is not None:
        words = SERVER.refusal(event, server.id, server.state, task)
        raise Conflict(words, resource="server", id=server.id, event=event, state=server.state, task=task)
    return server


def _find(compute: Compute, tx: Tx, server: Server, volume_id: str) -> Attachment:
    try:
        return compute.volume.attachment(tx, server.id, volume_id)
    except NotFound as error:
        raise NotFound(f"Instance {server.id} is not attached to volume {volume_id}.", **error.details) from error


def _queue(compute: Compute, tx: Tx, context: Context, kind: str, attachment: Attachment) -> None:
    params = {"attachment_id": attachment.id, "volume_id": attachment.volume_id}
    work.queue(compute, tx, context, kind, attachment.server_id, NO_TURN, params, yields=True)
