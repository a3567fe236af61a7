"""Images: create, list, show, change, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iaas import ids
from iaas.api.image import access, attributes, pages, patch, protected, queries, view
from iaas.api.image.access import ImageCall
from iaas.api.image.media import media_type
from iaas.api.route import Reply, Route
from iaas.db.image import images as rows
from iaas.db.image import listing
from iaas.errors import Forbidden
from iaas.image import delete as deletion
from iaas.model.image import Image, State


def create_image(call: ImageCall) -> Reply:
    document = protected.show(call, made(call, call.body))
    headers = {"Location": call.base_url + document["self"]}
    headers["OpenStack-image-store-ids"] = ",".join(call.services.stores.writable)
    if methods := call.services.options.import_methods:
        headers["OpenStack-image-import-methods"] = ",".join(methods)
    return Reply(document, headers=headers)


def made(call: ImageCall, body: dict[str, Any]) -> Image:
    """A queued image of these attributes, which fit the schema. Raises Invalid, Forbidden, Conflict, TooLarge."""
    attributes.refuse_fixed(body)
    fields, free = attributes.split(body)
    owner = fields.get("project_id", call.context.project_id)
    if not call.context.is_admin and (owner is None or owner != call.context.project_id):
        raise Forbidden(f"You are not permitted to create images owned by {owner!r}.")
    now = call.services.database.clock.now()
    image = Image(
        id=body.get("id") or ids.new_uuid(), created_at=now, updated_at=now, properties=free,
        **{**fields, "project_id": owner},
    )  # fmt: skip
    attributes.check_formats(call, image.disk_format, image.container_format)
    attributes.check_visibility(call, image.visibility, access.target(image))
    protected.check_new(call, free)
    most = call.services.options.project_images
    return call.services.database.run(lambda tx: rows.insert(tx, image, most))


def list_images(call: ImageCall) -> dict[str, Any]:
    page, wanted, eyes = pages.page(call, listing.SORT_KEYS), queries.wanted(call), access.viewer(call)
    with call.services.database.read() as tx:
        found = listing.listed(tx, eyes, wanted, page.limit, page.marker, page.sort)
    return {
        "images": [protected.show(call, image) for image in found],
        **pages.links(call, "/v2/images", page, [image.id for image in found]),
        "schema": "/v2/schemas/images",
    }


def show_image(call: ImageCall) -> dict[str, Any]:
    return protected.show(call, access.find(call, access.GET_IMAGE))


def change_image(call: ImageCall) -> dict[str, Any]:
    media = media_type(call, patch.NEW, patch.OLD, header="Accept-Patch")
    was = access.find(call, access.MODIFY_IMAGE)
    patched = patch.apply(_document(protected.visible(call, was)), call.body, media)
    fields, free = attributes.split(attributes.validate(patched))
    image = replace(was, **fields, properties=protected.merged(call, was, free))
    _check_change(call, was, image)
    if image == was:
        return protected.show(call, was)
    return protected.show(call, call.services.database.run(lambda tx: rows.update(tx, image, was)))


def _document(image: Image) -> dict[str, Any]:
    """What a patch works on: everything that a client may set, as it is now."""
    document = view.image(image)
    return {name: value for name, value in document.items() if not attributes.is_fixed(name) and name != "id"}


def _check_change(call: ImageCall, was: Image, image: Image) -> None:
    """Raises Forbidden or Invalid for changes that are well-formed and yet not the caller's to make."""
    if image.project_id != was.project_id and not call.context.is_admin:
        raise Forbidden("Owner can't be updated by non admin.")
    if image.visibility is not was.visibility:
        attributes.check_visibility(call, image.visibility, access.target(was))
    changed = [name for name in ("disk_format", "container_format") if getattr(image, name) != getattr(was, name)]
    if changed and was.status != State.QUEUED:
        raise Forbidden(f"Attribute {changed[0]} can be only replaced for a queued image.")
    if changed:
        attributes.check_formats(call, image.disk_format, image.container_format)


def delete_image(call: ImageCall) -> None:
    deletion.delete(call.services, access.find(call, access.DELETE_IMAGE))


ROUTES = (
    Route("GET", "/v2/images", list_images, policy=access.GET_IMAGES),
    Route("POST", "/v2/images", create_image, policy=access.ADD_IMAGE, body=attributes.CREATE, status=201),
    Route("GET", "/v2/images/<image_id>", show_image, policy=access.GET_IMAGE, target=("image_id",)),
    Route("PATCH", "/v2/images/<image_id>", change_image, policy=access.MODIFY_IMAGE, body=patch.BODY),
    Route("DELETE", "/v2/images/<image_id>", delete_image, policy=access.DELETE_IMAGE, status=204),
)
