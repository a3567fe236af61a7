"""Data of an image for a reader: from the best store that has them, or the next one that can."""

from __future__ import annotations

import logging
from typing import BinaryIO

from iaas.errors import Error, NotFound, Unavailable
from iaas.image.services import ImageServices
from iaas.model.image import Image

log = logging.getLogger(__name__)


def open_data(services: ImageServices, image: Image) -> BinaryIO:
    """Seekable. Raises NotFound (no store has them), Unavailable (one may have, and can't be asked now)."""
    sick = False
    for location, store in services.stores.readable(image):
        try:
            return store.open(location.name)
        except Error as error:
            sick = sick or not isinstance(error, NotFound)
            log.warning("image %s is not read from %s: %s", image.id, location.store, error.message)
    if sick:
        raise Unavailable(f"The data of image {image.id} can't be read now.", resource="image", id=image.id)
    raise NotFound(f"No store has the data of image {image.id}.", resource="image", id=image.id)
