"""Where data of images are: one row a store, there before the first byte and until the last is gone (C-14)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.schema.image import image_locations
from iaas.model.image import Location, LocationState

_C = image_locations.c
_HOLDING = [item.value for item in LocationState if item is not LocationState.FAILED]


def of_images(tx: Tx, ids: Sequence[str]) -> dict[str, list[Location]]:
    """All locations of each of the images, by store. One query."""
    found: dict[str, list[Location]] = {id: [] for id in ids}
    for row in tx.all(sa.select(image_locations).where(_C.image_id.in_(list(ids))).order_by(_C.store)):
        found[row.image_id].append(Location(store=row.store, name=row.name, state=LocationState(row.state)))
    return found


def write(tx: Tx, image_id: str, stores: Iterable[str], name: str) -> None:
    """The stores are about to get data under this name; what was noted of them before is forgotten."""
    for store in stores:
        drop(tx, image_id, [store])
        row = {"image_id": image_id, "store": store, "name": name, "state": LocationState.WRITING.value}
        tx.insert(image_locations, row)


def move(tx: Tx, image_id: str, stores: Iterable[str], state: LocationState) -> int:
    """What was being written in these stores is in this state now. Answers how many there were."""
    where = _at(image_id, stores) & (_C.state == LocationState.WRITING.value)
    return tx.update(image_locations, where, {"state": state.value})


def close(tx: Tx, image_id: str) -> None:
    """An import is over: what was being written and is not active is not there, what was staged is to go."""
    move(tx, image_id, [place.store for place in of_images(tx, [image_id])[image_id]], LocationState.FAILED)
    staged = (_C.image_id == image_id) & (_C.state == LocationState.STAGED.value)
    tx.update(image_locations, staged, {"state": LocationState.REMOVING.value})


def forget_failed(tx: Tx, image_id: str) -> None:
    tx.delete(image_locations, (_C.image_id == image_id) & (_C.state == LocationState.FAILED.value))


def drop(tx: Tx, image_id: str, stores: Iterable[str] | None = None) -> None:
    """Nothing is known of these stores any more; None: of any."""
    tx.delete(image_locations, _C.image_id == image_id if stores is None else _at(image_id, stores))


def remove(tx: Tx, image_id: str, store: str) -> bool:
    """Nobody reads the data in this store from now on. False when they aren't there."""
    where = _at(image_id, [store]) & (_C.state == LocationState.ACTIVE.value)
    return tx.update(image_locations, where, {"state": LocationState.REMOVING.value}) == 1


def removed(tx: Tx, image_id: str, store: str) -> bool:
    """The data are gone. False: somebody else said so already."""
    return tx.delete(image_locations, _at(image_id, [store]) & (_C.state == LocationState.REMOVING.value)) == 1


def removing(tx: Tx, limit: int = 100) -> list[tuple[str, Location]]:
    """(image id, location) of what should be gone and perhaps isn't, after the death of who did it."""
    query = sa.select(image_locations).where(_C.state == LocationState.REMOVING.value).limit(limit)
    return [(row.image_id, Location(store=row.store, name=row.name, state=LocationState.REMOVING))
            for row in tx.all(query)]  # fmt: skip


def held(tx: Tx, image_ids: Sequence[str]) -> set[tuple[str, str]]:
    """(store, name) of everything that these images keep or are writing."""
    query = sa.select(_C.store, _C.name).where(_C.image_id.in_(list(image_ids)), _C.state.in_(_HOLDING))
    return {(row.store, row.name) for row in tx.all(query)}


def _at(image_id: str, stores: Iterable[str]) -> sa.ColumnElement[Any]:
    return sa.and_(_C.image_id == image_id, _C.store.in_(list(stores)))
