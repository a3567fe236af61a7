"""Copies of an image beyond the first: added to further stores, taken from one. Each is counted by the quota."""

from __future__ import annotations

from collections.abc import Collection

from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import locations
from iaas.db.image.uploads import give, reserve, reserved
from iaas.db.schema.image import images
from iaas.errors import Conflict, Forbidden, NotFound
from iaas.model.image import STAGING, Image, Location, LocationState, State


def begin_removal(tx: Tx, image_id: str, store: str) -> Location:
    """The copy in this store is nobody's any more. Raises NotFound (no image, no copy there), Conflict (the image is
    not active), Forbidden (it is the last copy)."""
    image = locked(tx, image_id)
    if image.state is not State.ACTIVE or image.task is not None:
        raise Conflict("Only images with status active can be targeted for deletion from a store.", id=image_id)
    if store not in image.stores():
        raise NotFound(f"Image {image_id} is not stored in store {store[:64]}.", resource="image", id=image_id)
    if len(image.stores()) == 1:
        raise Forbidden("Cannot delete image data from the only store containing it. Consider deleting the image.")
    locations.remove(tx, image_id, store)
    return next(item for item in image.locations if item.store == store)


def finish_removal(tx: Tx, image_id: str, store: str) -> None:
    """The bytes are gone, the quota goes back. Nothing happens when it was said before."""
    held = reserved(tx, image_id)
    image = rows.find(tx, image_id)
    if locations.removed(tx, image_id, store) and image is not None and image.size and store != STAGING:
        give_back(tx, image, held, image.size)


def begin(tx: Tx, image_id: str, stores: Collection[str], quota: int) -> Image:
    """Copies to these stores are on their way; each is counted. Raises NotFound, QuotaExceeded, Conflict (the image is
    not active, or a store has it, or is to give it up)."""
    image = locked(tx, image_id)
    if image.state is not State.ACTIVE or image.task is not None or image.size is None:
        raise Conflict("Only images with status active can be targeted for copying.", id=image_id)
    taken = [place.store for place in image.locations if place.state is not LocationState.FAILED]
    if double := sorted(set(taken) & set(stores)):
        raise Conflict(f"Image {image_id} is already present at store {double[0]}.", id=image_id, store=double[0])
    locations.forget_failed(tx, image_id)
    locations.write(tx, image_id, stores, image.blob)
    reserve(tx, image, image.size * len(stores), quota)
    return locked(tx, image_id)


def finish(tx: Tx, image_id: str, stored: Collection[str]) -> None:
    """The copies in ``stored`` are complete, the others on their way have failed, and their bytes go back to the quota.
    Raises NotFound."""
    image = locked(tx, image_id)
    lost = set(image.stores(LocationState.WRITING)) - set(stored)
    locations.move(tx, image_id, stored, LocationState.ACTIVE)
    locations.move(tx, image_id, lost, LocationState.FAILED)
    give_back(tx, image, reserved(tx, image_id), (image.size or 0) * len(lost))


def give_back(tx: Tx, image: Image, held: int, amount: int) -> None:
    """``held``: what ``reserved`` said in this transaction."""
    amount = min(amount, held)
    tx.update(images, images.c.id == image.id, {"reserved": held - amount})
    give(tx, image.project_id, amount)


def locked(tx: Tx, image_id: str) -> Image:
    """The image, which nobody else changes until the transaction ends. Raises NotFound."""
    reserved(tx, image_id)
    image = rows.find(tx, image_id)
    if image is None:
        raise NotFound(f"No image found with ID {image_id}", resource="image", id=image_id)
    return image
