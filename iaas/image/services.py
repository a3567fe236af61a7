"""What the image service is made of: handed to every function of it, made once in iaas/cmd."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from iaas.config.loader import Loaded
from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore as StoreOptions
from iaas.db.engine import Database
from iaas.image import protections, store_set
from iaas.image.protections import Protections
from iaas.image.store_set import StoreSet


@dataclass(frozen=True, kw_only=True)
class ImageServices:
    """``bell`` is set when there is work for the importers; it may be, without any."""

    database: Database
    stores: StoreSet
    options: ImageOptions
    protections: Protections = field(default_factory=Protections)
    bell: threading.Event = field(default_factory=threading.Event)


def from_config(database: Database, config: Loaded) -> ImageServices:
    """As the configuration file says. Raises Invalid."""
    return make(
        database, config.section(ImageOptions), lambda id: config.section(StoreOptions, f"store:{id}")
    )  # fmt: skip


def make(
    database: Database, options: ImageOptions, section: Callable[[str], StoreOptions] | None = None
) -> ImageServices:
    """With the stores that the options name; ``section`` gives each one's own. Raises Invalid for one that can't be,
    or for property protections that can't be understood."""
    guard = protections.load(options.property_protection_file, options.property_protection_rule_format)
    stores = store_set.make(options, section or store_set.from_values())
    return ImageServices(database=database, stores=stores, options=options, protections=guard)
