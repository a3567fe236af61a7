"""POST /servers/{id}/action: createImage, createBackup."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import server_body
from iaas.api.compute.actions.action import action
from iaas.api.route import Reply
from iaas.api.schema import obj
from iaas.compute.actions import snapshot
from iaas.compute.actions.snapshot import Wish
from iaas.compute.service import Compute

IN_BODY = "2.45"  # from here on the image's id is in the answer's body, and no longer in a header


def create_image(call: Call[Compute]) -> Reply:
    body = call.body["createImage"]
    return _answer(call, Wish(name=body["name"], metadata=body.get("metadata", {})))


def create_backup(call: Call[Compute]) -> Reply:
    """A rotation of 0 keeps none: the one that is made goes with the older ones, as published."""
    body = call.body["createBackup"]
    wish = Wish(name=body["name"], metadata=body.get("metadata", {}), backup_type=body["backup_type"],
                rotation=int(body["rotation"]))  # fmt: skip
    return _answer(call, wish)


def _answer(call: Call[Compute], wish: Wish) -> Reply:
    image_id = snapshot.create_image(call.services, call.context, call.path["id"], wish)
    if call.at_least(IN_BODY):
        return Reply({"image_id": image_id})
    return Reply(None, headers={"Location": f"{call.base_url}/images/{image_id}"})


_IMAGE = obj({"name": server_body.NAME, "metadata": server_body.METADATA}, ("name",))
_BACKUP = obj(
    {
        "name": server_body.NAME,
        "backup_type": {"type": "string", "minLength": 1, "maxLength": 255},
        "rotation": {"type": ["integer", "string"], "pattern": "^[0-9]{1,6}$", "minimum": 0, "maximum": 999999},
        "metadata": server_body.METADATA,
    },
    ("name", "backup_type", "rotation"),
)
ROUTES: tuple[Any, ...] = (
    action("createImage", create_image, "servers:create_image", _IMAGE),
    action("createBackup", create_backup, "os-create-backup", _BACKUP),
)
