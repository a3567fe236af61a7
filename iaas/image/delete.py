"""The end of an image, or of one copy: the row says so first, then the data go, then the quota (C-14).

A delete that was killed half-way is completed by the sweep; repeating any part of it is harmless.
"""

from __future__ import annotations

import logging

from iaas import failpoints
from iaas.db.engine import Database
from iaas.db.image import copies, uploads
from iaas.errors import Conflict, Error, Forbidden, NotFound, Unavailable
from iaas.image.services import ImageServices
from iaas.model.image import Image, Location, State

log = logging.getLogger(__name__)
LEASE_S = 60


def delete(services: ImageServices, image: Image) -> None:
    """Raises Forbidden (protected), or NotFound when somebody else deletes it. Once the row is marked, the image
    is gone for its users: trouble with a store is left to the sweep and not reported. Where deletions are delayed the
    sweep does all of it, later; until then an operator can ``restore`` an image that had data."""
    if image.protected:
        raise Forbidden(f"Image {image.id} is protected and cannot be deleted.", resource="image", id=image.id)
    try:
        delay = services.options.delayed_delete_s if image.state in (State.ACTIVE, State.DEACTIVATED) else 0
        doomed = services.database.run(lambda tx: uploads.begin_delete(tx, image.id, max(delay, LEASE_S)))
    except Conflict:
        raise NotFound(f"No image found with ID {image.id}", resource="image", id=image.id) from None
    failpoints.hit("image.delete.marked")
    if delay > LEASE_S:
        log.info("image %s is pending_delete for %d s", image.id, delay)
        return
    try:
        complete(services, doomed)
    except Error as error:
        log.warning("the data of image %s stay until the sweep: %s", image.id, error.message)


def restore(database: Database, image_id: str) -> Image:
    """Raises NotFound, or Conflict when it is not deleted, or its data go within the minute or are gone."""
    try:
        return database.run(lambda tx: uploads.restore(tx, image_id, LEASE_S))
    except Conflict:
        raise Conflict(f"Image {image_id} is not deleted, or too long ago.", resource="image", id=image_id) from None


def complete(services: ImageServices, image: Image) -> None:
    """Removes the data of a marked image from every store and ends it. Raises Unavailable for a store that is away."""
    for location in image.locations:
        _erase(services, image.id, location)
    failpoints.hit("image.delete.removed")
    try:
        services.database.run(lambda tx: uploads.finish_delete(tx, image))
    except (NotFound, Conflict):
        log.info("image %s was deleted by somebody else meanwhile", image.id)


def delete_copy(services: ImageServices, image: Image, store: str) -> None:
    """One store gives up its copy. Raises Forbidden (protected, the last copy), NotFound (no copy there), Conflict."""
    if image.protected:
        raise Forbidden(f"Image {image.id} is protected and cannot be deleted.", resource="image", id=image.id)
    location = services.database.run(lambda tx: copies.begin_removal(tx, image.id, store))
    failpoints.hit("image.copy.marked")
    try:
        complete_copy(services, image.id, location)
    except Error as error:
        log.warning("the data of image %s stay in %s until the sweep: %s", image.id, store, error.message)


def complete_copy(services: ImageServices, image_id: str, location: Location) -> None:
    """Raises Unavailable when the store can't be used."""
    _erase(services, image_id, location)
    failpoints.hit("image.copy.removed")
    services.database.run(lambda tx: copies.finish_removal(tx, image_id, location.store))


def _erase(services: ImageServices, image_id: str, location: Location) -> None:
    store = services.stores.get(location.store)
    if store is None:  # its bytes are beyond our reach; when it is configured again, the audit finds them
        raise Unavailable(f"The store {location.store} of image {image_id} is not configured.")
    store.delete(location.name)
