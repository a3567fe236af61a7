"""The end of an image: the row says so first, then the data go, then the quota (C-14).

A delete that was killed half-way is completed by the sweep; repeating any part of it is harmless.
"""

from __future__ import annotations

import logging

from iaas import failpoints
from iaas.db.image import uploads
from iaas.errors import Conflict, Error, Forbidden, NotFound
from iaas.image.services import ImageServices
from iaas.model.image import Image

log = logging.getLogger(__name__)
LEASE_S = 60


def delete(services: ImageServices, image: Image) -> None:
    """Raises Forbidden (protected), or NotFound when somebody else deletes it. Once the row is marked, the image
    is gone for its users: trouble with the store is left to the sweep and not reported."""
    if image.protected:
        raise Forbidden(f"Image {image.id} is protected and cannot be deleted.", resource="image", id=image.id)
    try:
        doomed = services.database.run(lambda tx: uploads.begin_delete(tx, image.id, LEASE_S))
    except Conflict:
        raise NotFound(f"No image found with ID {image.id}", resource="image", id=image.id) from None
    failpoints.hit("image.delete.marked")
    try:
        complete(services, doomed)
    except Error as error:
        log.warning("the data of image %s stay until the sweep: %s", image.id, error.message)


def complete(services: ImageServices, image: Image) -> None:
    """Removes the data of a marked image and ends it. Raises Unavailable when the store can't be used."""
    services.store.delete(image.blob)
    failpoints.hit("image.delete.removed")
    try:
        services.database.run(lambda tx: uploads.finish_delete(tx, image))
    except (NotFound, Conflict):
        log.info("image %s was deleted by somebody else meanwhile", image.id)
