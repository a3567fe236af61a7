"""Attachment rows: which volume is whose server's, and how far; and what that makes of the volume's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.volume import volume_attachments as table
from iaas.db.schema.volume import volume_backends, volumes
from iaas.errors import Conflict, NotFound
from iaas.ids import new_uuid
from iaas.model.order import VolumeConnection
from iaas.model.volume import BY_ATTACHMENTS, Attachment, AttachmentState, Volume, state_by

_SELECT = sa.select(*(table.c[item.name] for item in fields(Attachment)))
LIMIT = 1000


def insert(tx: Tx, values: Mapping[str, Any]) -> Attachment:
    """A reserved attachment. Raises Conflict when the server has the volume, or the device, already."""
    attachment_id = new_uuid()
    row = {"id": attachment_id, "state": AttachmentState.RESERVED, "mode": "rw", "boot_index": None,
           "delete_on_termination": False, "tag": None, "export": attachment_id, "created_at": tx.now()}  # fmt: skip
    words = "The volume or the device name is in use by the server already."
    tx.insert(table, {**row, **values}, conflict=Conflict(words, resource="attachment"))
    return get(tx, attachment_id)


def get(tx: Tx, attachment_id: str, project_id: str | None = None) -> Attachment:
    """The attachment, if it is the project's (None: anybody's). Raises NotFound."""
    query = _SELECT.where(table.c.id == attachment_id)
    if project_id is not None:
        query = query.where(table.c.project_id == project_id)
    row = tx.first(query)
    if row is None:
        words = f"Volume attachment could not be found with filter: attachment_id = {attachment_id[:64]}."
        raise NotFound(words, resource="attachment", id=attachment_id)
    return _value(row)


def of_servers(tx: Tx, server_ids: Sequence[str]) -> list[Attachment]:
    """In the order of the devices."""
    return _all(tx, table.c.server_id.in_(server_ids))


def of_volumes(tx: Tx, volume_ids: Iterable[str]) -> list[Attachment]:
    return _all(tx, table.c.volume_id.in_(list(volume_ids)))


def connected_on(tx: Tx, host: str) -> list[Attachment]:
    """Of the volumes on this volume host, those that a server is connected to."""
    here = table.c.volume_id.in_(sa.select(volumes.c.id).where(volumes.c.host == host))
    return _all(tx, here & (table.c.state != AttachmentState.RESERVED))


def page(tx: Tx, project_id: str | None, equal: Mapping[str, Any], limit: int, marker: str | None) -> list[Attachment]:
    """By age and id; ``equal``: column -> value."""
    conditions = [table.c[name] == value for name, value in equal.items()]
    if project_id is not None:
        conditions.append(table.c.project_id == project_id)
    if marker is not None:
        at = get(tx, marker, project_id)
        later = (table.c.created_at == at.created_at) & (table.c.id > at.id)
        conditions.append((table.c.created_at > at.created_at) | later)
    query = _SELECT.where(*conditions).order_by(table.c.created_at, table.c.id).limit(limit)
    return [_value(row) for row in tx.all(query)]


def connections(tx: Tx, server_id: str, states: Iterable[AttachmentState]) -> tuple[VolumeConnection, ...]:
    """How a host reaches the server's volumes, in one query, in the order of the devices. A volume whose host has
    never said where it listens has no address: "" and port 0."""
    a, v, b = table.c, volumes.c, volume_backends.c
    query = (
        sa.select(a.id, a.volume_id, a.device, a.boot_index, a.mode, a.export, v.size_gb, v.multiattach, b.address,
                  b.port)
        .join(volumes, v.id == a.volume_id).join(volume_backends, b.host == v.host, isouter=True)
        .where(a.server_id == server_id, a.state.in_(list(states)))
    )  # fmt: skip
    rows = sorted(tx.all(query), key=lambda row: (len(row.device), row.device))
    return tuple(
        VolumeConnection(
            volume_id=row.volume_id, attachment_id=row.id, address=row.address or "", port=row.port or 0,
            export=row.export, device=row.device, size_gb=row.size_gb, boot_index=row.boot_index,
            read_only=row.mode == "ro", shareable=row.multiattach,
        )
        for row in rows
    )  # fmt: skip


def change(tx: Tx, attachment: Attachment, values: Mapping[str, Any]) -> None:
    """Compare-and-swap on the state as it was read. Raises TryAgain when somebody was faster."""
    where = (table.c.id == attachment.id) & (table.c.state == attachment.state)
    if not tx.update(table, where, values):
        raise TryAgain("The attachment was changed at the same time.")


def delete(tx: Tx, attachment_id: str) -> bool:
    return tx.delete(table, table.c.id == attachment_id) == 1


def settle(tx: Tx, volume: Volume) -> None:
    """Gives the volume the state that its attachments make; one in error keeps it. To be called after every change of
    them, with the volume as it was read before: raises TryAgain when somebody changed it meanwhile."""
    state = volume.state
    if state in BY_ATTACHMENTS:
        state = state_by([item.state for item in of_volumes(tx, [volume.id])])
    same = (volumes.c.id == volume.id) & (volumes.c.version == volume.version)
    changes = {"state": state, "version": volume.version + 1, "updated_at": tx.now()}
    if not tx.update(volumes, same, changes):
        raise TryAgain("The volume was changed at the same time.")


def _all(tx: Tx, where: sa.ColumnElement[bool]) -> list[Attachment]:
    found = [_value(row) for row in tx.all(_SELECT.where(where))]
    return sorted(found, key=lambda item: (len(item.device), item.device, item.id))


def _value(row: sa.Row[Any]) -> Attachment:
    return Attachment(**{**row._mapping, "state": AttachmentState(row.state)})
