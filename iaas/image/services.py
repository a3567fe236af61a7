"""What the image service is made of: handed to every function of it, made once in iaas/cmd."""

from __future__ import annotations

from dataclasses import dataclass

from iaas import plugins
from iaas.config.sections import Image as ImageOptions
from iaas.db.engine import Database
from iaas.image.store import Store


@dataclass(frozen=True, kw_only=True)
class ImageServices:
    database: Database
    store: Store
    options: ImageOptions


def make(database: Database, options: ImageOptions) -> ImageServices:
    """With the store that the options name. Raises Invalid for a store that does not exist."""
    store: Store = plugins.load("iaas.image.stores", options.store)(options)
    return ImageServices(database=database, store=store, options=options)
