"""Copies of an image beyond the first: added to further stores, taken from one. Each is counted by the quota."""

from __future__ import annotations

from iaas.db.engine import Tx
from iaas.db.image import images as rows
from iaas.db.image import locations
from iaas.db.image.uploads import give, reserved
from iaas.db.schema.image import images
from iaas.errors import Conflict, Forbidden, NotFound
from iaas.model.image import Image, Location, State


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
    if not locations.removed(tx, image_id, store) or image is None or image.size is None:
        return
    give_back(tx, image, held, image.size)


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
