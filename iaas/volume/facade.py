"""What compute and the conductor may ask of the volume service.

Every method runs inside the caller's transaction; doorbells ring after the caller's commit. One attachment goes

    reserve -> attaching -> attached -> begin_detach -> release        (cancel_detach: back to attached)

and the volume's state follows it. What a flow's undo or repetition may do twice (attaching, attached, release,
release_all, moved) looks first and may be done twice.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.volume import attachments as rows
from iaas.db.volume import snapshots, volumes
from iaas.errors import Conflict, Internal, Invalid, NotFound
from iaas.ids import new_uuid
from iaas.model.order import VolumeConnection
from iaas.model.volume import Attachment, AttachmentState, Snapshot, State, Volume
from iaas.volume import lifecycle
from iaas.volume import snapshots as snapshot_looks
from iaas.volume import volumes as looks
from iaas.volume.service import VolumeServices
from iaas.volume.wish import NewVolume

__all__ = ["NewVolume", "VolumeFacade"]

log = logging.getLogger(__name__)

MAX_DEVICES = 26
_DEVICE = re.compile(r"(?:/dev/)?(vd[a-z])")
_CONNECTED = (AttachmentState.ATTACHING, AttachmentState.ATTACHED, AttachmentState.DETACHING)


class VolumeFacade:
    def __init__(self, service: VolumeServices) -> None:
        self._service = service

    # -- looking --------------------------------------------------------------------------------------------------

    def get(self, tx: Tx, context: Context, volume_id: str) -> Volume:
        """Raises NotFound, for a foreign volume as for one that never was."""
        return looks.get(tx, context, volume_id)

    def snapshot(self, tx: Tx, context: Context, snapshot_id: str) -> Snapshot:
        """Raises NotFound, for a foreign snapshot as for one that never was."""
        return snapshot_looks.get(tx, context, snapshot_id)

    def ready(self, tx: Tx, volume_id: str) -> bool:
        """Whether a volume has its bytes; False while it is being made. Raises Internal when that failed."""
        volume = volumes.get(tx, volume_id)
        if volume.state is State.ERROR:
            raise Internal(f"Volume {volume_id} could not be made.")
        return volume.state is not State.NEW

    def attachment(self, tx: Tx, server_id: str, volume_id: str) -> Attachment:
        """Raises NotFound."""
        for found in self.attachments(tx, server_id):
            if found.volume_id == volume_id:
                return found
        raise NotFound(f"Volume {volume_id} is not attached to server {server_id}.", resource="attachment")

    def attachments(self, tx: Tx, server_id: str) -> tuple[Attachment, ...]:
        """In the order of the devices."""
        return tuple(rows.of_servers(tx, [server_id]))

    def of_servers(self, tx: Tx, server_ids: Sequence[str]) -> dict[str, list[Attachment]]:
        """For views of many servers: one query. A server without volumes has no key."""
        found: dict[str, list[Attachment]] = {}
        for attachment in rows.of_servers(tx, server_ids):
            found.setdefault(attachment.server_id, []).append(attachment)
        return found

    def connections(self, tx: Tx, server_id: str, reserved: bool = False) -> tuple[VolumeConnection, ...]:
        """How a host reaches the server's volumes, in the order of the devices; ``reserved``: also those that nothing
        was connected for yet, as a build or an unshelve needs them."""
        states = (*_CONNECTED, AttachmentState.RESERVED) if reserved else _CONNECTED
        return rows.connections(tx, server_id, states)

    # -- an attachment's life -------------------------------------------------------------------------------------

    def reserve(
        self, tx: Tx, context: Context, volume_id: str, server_id: str, *,
        device: str | None = None, taken: Collection[str] = (), boot_index: int | None = None,
        delete_on_termination: bool = False, tag: str | None = None, mode: str = "rw",
    ) -> Attachment:  # fmt: skip
        """Promises the volume to the server. ``device``: "vdc" or "/dev/vdc", None for the next free one; ``taken``:
        device names of the server's other disks.

        Raises NotFound; Invalid (400 in both APIs) for a volume that can't be attached now or to this server; Conflict
        for a device name that is in use.
        """
        volume = looks.get(tx, context, volume_id)
        mine = rows.of_servers(tx, [server_id])
        if any(item.volume_id == volume_id for item in mine):
            raise Invalid(f"Invalid volume: volume {volume_id} is already attached to server {server_id}.")
        wanted = State.AVAILABLE, State.RESERVED, State.ATTACHING, State.IN_USE, State.DETACHING
        free = volume.state is State.AVAILABLE or (volume.multiattach and volume.state in wanted)
        if not free or volume.task is not None:
            raise Invalid(
                f"Invalid volume: volume {volume_id} status must be available to reserve, but the current status is "
                f"{volume.status}.", resource="volume", status=volume.status,
            )  # fmt: skip
        values = {"boot_index": boot_index, "delete_on_termination": delete_on_termination, "tag": tag, "mode": mode}
        used = {*taken, *(item.device for item in mine)}
        return self._insert(tx, volume, server_id, _device(device, boot_index, used), values)

    def create_for_server(
        self, tx: Tx, context: Context, server_id: str, wish: NewVolume, *,
        device: str | None = None, taken: Collection[str] = (), boot_index: int | None = None,
        delete_on_termination: bool = False, tag: str | None = None,
    ) -> Attachment:  # fmt: skip
        """A new volume for the server, with its creation queued: reserved for it from the beginning. ``ready`` says
        when it has its bytes; the server's live operation is woken then.

        Raises what ``reserve`` does, and QuotaExceeded.
        """
        volume_id = lifecycle.create_in(self._service, tx, context, wish)
        values = {"boot_index": boot_index, "delete_on_termination": delete_on_termination, "tag": tag}
        used = {*taken, *(item.device for item in rows.of_servers(tx, [server_id]))}
        return self._insert(tx, volumes.get(tx, volume_id), server_id, _device(device, boot_index, used), values)

    def attaching(self, tx: Tx, attachment_id: str) -> None:
        """RESERVED -> ATTACHING; any other stays. Raises NotFound."""
        attachment = rows.get(tx, attachment_id)
        if attachment.state is AttachmentState.RESERVED:
            self._move(tx, attachment, state=AttachmentState.ATTACHING)

    def attached(self, tx: Tx, attachment_id: str, host: str) -> None:
        """The compute host has it connected. Raises NotFound."""
        attachment = rows.get(tx, attachment_id)
        since = attachment.attached_at or tx.now()
        self._move(tx, attachment, state=AttachmentState.ATTACHED, host=host, attached_at=since)

    def begin_detach(self, tx: Tx, attachment_id: str) -> None:
        """Raises NotFound; Invalid for one that is not attached, or is being detached already."""
        attachment = rows.get(tx, attachment_id)
        if attachment.state is not AttachmentState.ATTACHED:
            status = volumes.get(tx, attachment.volume_id).status
            words = f"Invalid volume: volume {attachment.volume_id} status must be in-use to detach, but the current "
            raise Invalid(f"{words}status is {status}.", resource="volume", status=status)
        self._move(tx, attachment, state=AttachmentState.DETACHING)

    def cancel_detach(self, tx: Tx, attachment_id: str) -> None:
        """The guest would not let it go: attached as before."""
        attachment = rows.get(tx, attachment_id)
        if attachment.state is AttachmentState.DETACHING:
            self._move(tx, attachment, state=AttachmentState.ATTACHED)

    def release(self, tx: Tx, attachment_id: str) -> None:
        """The volume is off the server and free again. To be called when no export of it is left for the server."""
        try:
            attachment = rows.get(tx, attachment_id)
        except NotFound:
            return
        self._release(tx, attachment)

    def release_all(self, tx: Tx, context: Context, server_id: str) -> None:
        """A server's end: every volume is free again; the deletion of those that were to end with the server is queued.
        One of these that has snapshots, or is busy, stays: its owner would lose more than he asked for."""
        for attachment in rows.of_servers(tx, [server_id]):
            volume = self._release(tx, attachment)
            if not attachment.delete_on_termination or snapshots.count_of(tx, volume.id):
                continue
            if rows.of_volumes(tx, [volume.id]):  # multiattach: others still use it
                continue
            try:
                lifecycle.begin_delete(self._service, tx, context, volumes.get(tx, volume.id))
            except Invalid as error:  # busy with an upload, say: as if the server had never asked for it
                log.warning("volume %s stays when server %s ends: %s", volume.id, server_id, error.message)

    def moved(self, tx: Tx, server_id: str, host: str | None) -> None:
        """The server lives on another host now, or on none (shelved): what was attached is connected from there."""
        for attachment in rows.of_servers(tx, [server_id]):
            if attachment.state is AttachmentState.ATTACHED:
                rows.change(tx, attachment, {"host": host})

    def end_with_server(self, tx: Tx, attachment_id: str, wanted: bool) -> None:
        """Whether the volume is deleted with its server. Raises NotFound."""
        rows.change(tx, rows.get(tx, attachment_id), {"delete_on_termination": wanted})

    def cut_off(self, tx: Tx, server_id: str) -> None:
        """New export names: once the volume hosts were told (conductor.exports), whoever still holds an old connection
        loses it and can't come back. For a server that is rebuilt elsewhere while its host may live (C-10, I-15)."""
        for attachment in rows.of_servers(tx, [server_id]):
            rows.change(tx, attachment, {"export": new_uuid()})

    def _insert(self, tx: Tx, volume: Volume, server_id: str, device: str, values: Mapping[str, Any]) -> Attachment:
        row = {"project_id": volume.project_id, "volume_id": volume.id, "server_id": server_id, "device": device}
        attachment = rows.insert(tx, {**row, **values})
        rows.settle(tx, volume)
        return attachment

    def _move(self, tx: Tx, attachment: Attachment, **values: Any) -> None:
        volume = volumes.get(tx, attachment.volume_id)
        rows.change(tx, attachment, values)
        rows.settle(tx, volume)

    def _release(self, tx: Tx, attachment: Attachment) -> Volume:
        volume = volumes.get(tx, attachment.volume_id)
        if rows.delete(tx, attachment.id):
            rows.settle(tx, volume)
        return volume


def _device(wanted: str | None, boot_index: int | None, used: Collection[str]) -> str:
    """Without "/dev/"; the root disk is vda. Raises Conflict, Invalid."""
    if boot_index == 0 and wanted is None:
        wanted = "vda"
    if wanted is not None:
        match = _DEVICE.fullmatch(wanted)
        if match is None:
            raise Invalid(f"The supplied device path ({wanted[:64]}) is invalid.", field="device")
        if match[1] in used:
            raise Conflict(f"The supplied device path ({wanted}) is in use.", resource="device")
        return match[1]
    for letter in "bcdefghijklmnopqrstuvwxyz"[: MAX_DEVICES - 1]:
        if f"vd{letter}" not in used:
            return f"vd{letter}"
    raise Conflict(f"A server has at most {MAX_DEVICES} disks.", resource="device")
