"""Members: the projects with which an image of visibility ``shared`` is shared.

The owner adds and removes; the member itself, and nobody else but an administrator, accepts or rejects (S-026).
"""

from __future__ import annotations

from typing import Any

from iaas.api import schema
from iaas.api.image import access, view
from iaas.api.image.access import ImageCall
from iaas.api.route import Route
from iaas.db.engine import Tx
from iaas.db.image import members as rows
from iaas.errors import Forbidden, NotFound, TooLarge
from iaas.image.properties import MAX_MEMBERS
from iaas.model.image import Image, Member, MemberStatus, Visibility

_PROJECT = {"type": "string", "minLength": 1, "maxLength": 64}
_ADD = schema.obj({"member": _PROJECT}, ("member",))
# openstacksdk repeats the member beside its new status; the path is what counts.
_SET = schema.obj(
    {"status": {"type": "string", "enum": [item.value for item in MemberStatus]}, "member": _PROJECT}, ("status",)
)


def list_members(call: ImageCall) -> dict[str, Any]:
    image = _shared(access.find(call, access.GET_MEMBERS))
    with call.services.database.read() as tx:
        found = rows.of_image(tx, image.id, None if _owns(call, image) else call.context.project_id)
    if not found and not _owns(call, image):
        raise NotFound(f"No image found with ID {image.id}", resource="image", id=image.id)
    return {"members": [view.member(member) for member in found], "schema": "/v2/schemas/members"}


def add_member(call: ImageCall) -> dict[str, Any]:
    image = _shared(access.find(call, access.ADD_MEMBER))
    project = call.body["member"]

    def add(tx: Tx) -> Member:
        if len(rows.of_image(tx, image.id)) >= MAX_MEMBERS:
            raise TooLarge(
                "The limit has been exceeded on the number of allowed image members for this image. "
                f"Attempted: {MAX_MEMBERS + 1}, Maximum: {MAX_MEMBERS}"
            )
        return rows.insert(tx, image.id, project)

    return view.member(call.services.database.run(add))


def show_member(call: ImageCall) -> dict[str, Any]:
    image = _shared(access.find(call, access.GET_MEMBER))
    project = call.path["member_id"]
    if not _owns(call, image) and project != call.context.project_id:
        raise NotFound(f"{project[:64]} not found in the member list of the image {image.id}.")
    with call.services.database.read() as tx:
        return view.member(rows.get(tx, image.id, project))


def set_member(call: ImageCall) -> dict[str, Any]:
    image = _shared(access.find(call, access.GET_MEMBER))
    project = call.path["member_id"]
    if not _owns(call, image) and project != call.context.project_id:
        raise NotFound(f"{project[:64]} not found in the member list of the image {image.id}.")
    call.enforce(access.MODIFY_MEMBER.name, access.target(image, project))
    status = MemberStatus(call.body["status"])
    return view.member(call.services.database.run(lambda tx: rows.set_status(tx, image.id, project, status)))


def remove_member(call: ImageCall) -> None:
    image = _shared(access.find(call, access.DELETE_MEMBER))
    project = call.path["member_id"]
    call.services.database.run(lambda tx: rows.delete(tx, image.id, project))


def _shared(image: Image) -> Image:
    if image.visibility is not Visibility.SHARED:
        raise Forbidden("Only shared images have members.")
    return image


def _owns(call: ImageCall, image: Image) -> bool:
    return call.context.is_admin or (bool(image.project_id) and image.project_id == call.context.project_id)


_ONE = "/v2/images/<image_id>/members/<member_id>"
ROUTES = (
    Route("GET", "/v2/images/<image_id>/members", list_members, policy=access.GET_MEMBERS),
    Route("POST", "/v2/images/<image_id>/members", add_member, policy=access.ADD_MEMBER, body=_ADD),
    Route("GET", _ONE, show_member, policy=access.GET_MEMBER),
    Route("PUT", _ONE, set_member, policy=access.GET_MEMBER, body=_SET),
    Route("DELETE", _ONE, remove_member, policy=access.DELETE_MEMBER, status=204),
)
