"""Tags of images, one at a time."""

from __future__ import annotations

from dataclasses import replace

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.route import Route
from iaas.db.image import images as rows
from iaas.errors import NotFound
from iaas.image.properties import checked_tags
from iaas.model.image import Image


def add_tag(call: ImageCall) -> None:
    image = access.find(call, access.MODIFY_IMAGE)
    _write(call, image, checked_tags([*image.tags, call.path["tag"]]))


def remove_tag(call: ImageCall) -> None:
    image = access.find(call, access.MODIFY_IMAGE)
    tag = call.path["tag"]
    if tag not in image.tags:
        raise NotFound(f"Image {image.id} has no tag {tag[:64]!r}.", resource="tag", id=tag[:64])
    _write(call, image, tuple(other for other in image.tags if other != tag))


def _write(call: ImageCall, image: Image, tags: tuple[str, ...]) -> None:
    if tags != image.tags:
        changed = replace(image, tags=tags)
        call.services.database.run(lambda tx: rows.update(tx, changed, image))


_ONE = "/v2/images/<image_id>/tags/<tag>"
ROUTES = (
    Route("PUT", _ONE, add_tag, policy=access.MODIFY_IMAGE, status=204),
    Route("DELETE", _ONE, remove_tag, policy=access.MODIFY_IMAGE, status=204),
)
