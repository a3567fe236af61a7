"""Repair: tasks whose worker died, and data that no image owns. Numbered rules, run at start and periodically.

1. An upload or a staging whose lease is over: the image is queued again, its quota goes back, its bytes are removed.
2. A deletion whose lease is over is completed; so is that of one copy.
3. Data of an image that has a row, but keeps other data or none, and older than ``older_than``: removed.
4. Data without any row are left alone and named (C-13): the operator decides, the audit counts them (I-10).
5. Tombstones older than TOMBSTONE_DAYS are forgotten, and tasks past their time.

Imports whose worker died are no matter of the sweep: iaas.image.importer takes them up again.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

from iaas.db.engine import Database
from iaas.db.image import locations, tasks, uploads
from iaas.errors import Conflict, Error, NotFound
from iaas.image.delete import complete, complete_copy
from iaas.image.services import ImageServices
from iaas.image.store import Store
from iaas.image.store_set import Place
from iaas.model.image import Image, LocationState, Task

log = logging.getLogger(__name__)
TOMBSTONE_DAYS = 30
_BATCH = 200


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What one sweep did, by image id or blob name."""

    queued: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    forgotten: int = 0


def sweep(services: ImageServices, older_than: float = 3600.0) -> Swept:
    """One round of all rules; ``older_than`` in seconds. Raises Unavailable when the database can't be reached;
    trouble with a single image or store is logged and left for the next round."""
    queued, deleted = _stuck(services)
    _copies(services)
    removed: list[str] = []
    unknown: list[str] = []
    for place in services.stores.all:
        try:
            _unowned(services.database, place, older_than, removed, unknown)
        except Error as error:
            log.warning("store %s is not swept: %s", place.id, error.message)
    forgotten = services.database.run(lambda tx: uploads.purge(tx, TOMBSTONE_DAYS))
    services.database.run(tasks.forget)
    done = Swept(
        queued=queued, deleted=deleted, removed=tuple(removed), unknown=tuple(unknown), forgotten=forgotten
    )  # fmt: skip
    if done != Swept():
        log.info("sweep: %s", done)
    return done


def _stuck(services: ImageServices) -> tuple[tuple[str, ...], tuple[str, ...]]:
    queued, deleted = [], []
    with services.database.read() as tx:
        stuck = uploads.stuck(tx)
    for image in stuck:
        try:
            if image.task is Task.DELETING:
                complete(services, image)
                deleted.append(image.id)
            else:
                _requeue(services, image)
                queued.append(image.id)
        except (NotFound, Conflict):
            log.info("image %s was ended by its own worker after all", image.id)
        except Error as error:
            log.warning("image %s stays %s: %s", image.id, image.task, error.message)
    return tuple(queued), tuple(deleted)


def _copies(services: ImageServices) -> None:
    with services.database.read() as tx:
        doomed = locations.removing(tx)
    for image_id, location in doomed:
        try:
            complete_copy(services, image_id, location)
        except Error as error:
            log.warning("image %s stays in %s: %s", image_id, location.store, error.message)


def _requeue(services: ImageServices, image: Image) -> None:
    """The row first, which ends the right of a worker that lives after all; then what it wrote, by its generation."""
    services.database.run(lambda tx: uploads.abandon(tx, image))
    for id in image.stores(LocationState.WRITING):
        if store := services.stores.get(id):  # of a store that is configured no more, they wait
            _remove(store, image.blob)


def _unowned(database: Database, place: Place, older_than: float, removed: list[str], unknown: list[str]) -> None:
    inventory = place.store.inventory()
    while batch := list(itertools.islice(inventory, _BATCH)):
        old = [blob for blob in batch if blob.age_s >= older_than]
        ids = sorted({blob.image_id for blob in old})
        with database.read() as tx:
            known, held = uploads.known(tx, ids), locations.held(tx, ids)
        for blob in old:
            if blob.image_id not in known:
                unknown.append(blob.name)
            elif (place.id, blob.name) not in held and _remove(place.store, blob.name):
                removed.append(blob.name)


def _remove(store: Store, name: str) -> bool:
    try:
        return store.delete(name)
    except Error as error:
        log.warning("%s stays in the store: %s", name, error.message)
        return False
