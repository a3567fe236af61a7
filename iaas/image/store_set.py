"""The stores of an installation by the id that ``[image] stores`` gives them, the default one, and their order.

``fast:filesystem, web:http`` makes two, each with its own section ``[store:fast]``, ``[store:web]``. The staging store
is one more, which users never see: it keeps what was sent to be imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from iaas import plugins
from iaas.config.sections import Image as ImageOptions
from iaas.config.sections import ImageStore as StoreOptions
from iaas.errors import Invalid
from iaas.image.store import Store
from iaas.model.image import STAGING, Image, Location, LocationState

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store and what the configuration says of it. ``weight``: higher ones are read from first."""

    id: str
    driver: str
    store: Store
    options: StoreOptions


class StoreSet:
    """Immutable; as thread-safe as its stores."""

    def __init__(self, places: Iterable[Place], default: str, staging: Place) -> None:
        self._places = {place.id: place for place in places}
        self._staging = staging
        self.default = default

    def __iter__(self) -> Iterator[Place]:
        """Those that users see, as configured."""
        return iter(self._places.values())

    def __contains__(self, id: str) -> bool:
        return id in self._places

    @property
    def all(self) -> tuple[Place, ...]:
        return (*self._places.values(), self._staging)

    @property
    def writable(self) -> tuple[str, ...]:
        return tuple(place.id for place in self if not place.store.READ_ONLY)

    def get(self, id: str) -> Store | None:
        """The store; None for one that is not configured (any more)."""
        if id == STAGING:
            return self._staging.store
        return self._places[id].store if id in self._places else None

    def __getitem__(self, id: str) -> Store:
        """Raises Invalid for a store that is not configured."""
        store = self.get(id)
        if store is None:
            raise Invalid(f"There is no store {id[:64]!r}.", field="store")
        return store

    def readable(self, image: Image) -> list[tuple[Location, Store]]:
        """Where the image's data can be read, the best first."""
        found = [item for item in image.locations if item.state is LocationState.ACTIVE and item.store in self]
        order = list(self._places)
        found.sort(key=lambda item: (-self._places[item.store].options.weight, order.index(item.store)))
        return [(item, self._places[item.store].store) for item in found]


def make(options: ImageOptions, section: Callable[[str], StoreOptions]) -> StoreSet:
    """As configured; ``section`` gives the options of a store. Raises Invalid for what can't be."""
    places = [_place(options, item, section) for item in options.stores]
    ids = [place.id for place in places]
    if not ids or len(set(ids)) != len(ids) or STAGING in ids:
        raise Invalid(f"[image] stores needs one or more different ids, none of them {STAGING!r}.", field="stores")
    default = options.default_store or ids[0]
    if default not in ids or next(place for place in places if place.id == default).store.READ_ONLY:
        raise Invalid(f"[image] default_store {default!r} is not a store that can be written.", field="default_store")
    staging = _place(options, f"{STAGING}:{options.staging_driver}", section)
    folders = [place.options.directory for place in (*places, staging) if place.driver == "filesystem"]
    if len(set(folders)) != len(folders):
        raise Invalid("Two image stores have the same directory.", field="directory")
    return StoreSet(places, default, staging)


def _place(options: ImageOptions, item: str, section: Callable[[str], StoreOptions]) -> Place:
    id, _, driver = item.partition(":")
    if not _ID.fullmatch(id) or not driver:
        raise Invalid(f"{item[:64]!r} in [image] stores is not ID:DRIVER.", field="stores")
    own = section(id)
    if not own.directory:
        root = Path(options.directory)
        own = replace(own, directory=str(root if id != STAGING else root.with_name(f"{root.name}-{STAGING}")))
    store: Store = plugins.load("iaas.image.stores", driver)(own, options)
    return Place(id=id, driver=driver, store=store, options=own)


def from_values(values: Mapping[str, StoreOptions] | None = None) -> Callable[[str], StoreOptions]:
    """A ``section`` for ``make`` without a configuration file."""
    return lambda id: (values or {}).get(id, StoreOptions())
