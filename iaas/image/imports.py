"""Wishes for an import, checked and written down with the change of state in one transaction: the row is the work.

iaas.image.importer does it. The doorbell is only a hint; a daemon that did not hear it finds the row by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from iaas import ids
from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.image import copies, tasks, uploads
from iaas.errors import Conflict, Invalid
from iaas.image import address
from iaas.image.services import ImageServices
from iaas.image.upload import require_ready
from iaas.model.image import Image, ImageTask, LocationState, State, TaskStatus, TaskType

DIRECT, WEB, COPY = "glance-direct", "web-download", "copy-image"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``stores``: as named; with ``all_stores``, all that can be written; neither: the default one."""

    method: str
    uri: str | None = None
    stores: tuple[str, ...] = ()
    all_stores: bool = False


def request(
    services: ImageServices, context: Context, image: Image, wish: Wish, input: dict[str, Any],
    type: TaskType = TaskType.API_IMPORT,
) -> ImageTask:  # fmt: skip
    """``input``: what the task will show. Raises Invalid (no such method, URL, formats), Conflict (unknown store, the
    image is not in the state that the method needs, or is being imported), QuotaExceeded."""
    if wish.method not in services.options.import_methods:
        raise Invalid(f"Unknown import method name {wish.method[:64]!r}.", field="method")
    targets = _targets(services, image, wish)
    if wish.method == WEB:
        address.parsed(wish.uri or "", services.options)
    if wish.method != COPY:
        require_ready(image)
    task = new_task(services, context, image, type, {**input, "backend": list(targets)})

    def begin(tx: Tx) -> ImageTask:
        found = copies.locked(tx, image.id)
        tasks.insert(tx, task)
        if wish.method == COPY:
            copies.begin(tx, image.id, targets, services.options.project_quota)
        else:
            _begin(tx, services, found, wish, targets)
        tx.after_commit(services.bell.set)
        return task

    return services.database.run(begin)


def _begin(tx: Tx, services: ImageServices, image: Image, wish: Wish, targets: Collection[str]) -> None:
    wanted = State.UPLOADING if wish.method == DIRECT else State.QUEUED
    if image.state is not wanted or image.task is not None:
        raise Conflict(f"Image needs to be in status {wanted!r} to use the {wish.method!r} method.", id=image.id)
    if wish.method == DIRECT:  # what is staged is counted once already
        staged = uploads.reserved(tx, image.id)
        uploads.reserve(tx, image, staged * (len(targets) - 1), services.options.project_quota)
    uploads.begin(tx, image.id, "import", targets, None)


def add_location(
    services: ImageServices, context: Context, image: Image, url: str, hash_value: str | None
) -> ImageTask:
    """The data of a queued image are at this URL and stay there: a read-only store reads them. For the platform's
    services alone (S-019). Raises Invalid (no store reads such a URL), Conflict."""
    require_ready(image)
    store = next((place.id for place in services.stores if place.store.READ_ONLY and place.store.takes(url)), None)
    if store is None:
        raise Invalid("There is no store for this location.", field="url")
    input = {"image_id": image.id, "loc_url": url, "validation_data": {"os_hash_value": hash_value}}
    task = new_task(services, context, image, TaskType.LOCATION, input)

    def begin(tx: Tx) -> ImageTask:
        copies.locked(tx, image.id)
        tasks.insert(tx, task)
        uploads.begin(tx, image.id, "import", [store], None, url)
        tx.after_commit(services.bell.set)
        return task

    return services.database.run(begin)


def new_task(
    services: ImageServices, context: Context, image: Image, type: TaskType, input: dict[str, Any]
) -> ImageTask:
    now = services.database.now()
    return ImageTask(
        id=ids.new_uuid(), type=type, status=TaskStatus.PENDING, owner=context.project_id or image.project_id,
        user_id=context.user_id, request_id=context.request_id, image_id=image.id, input=input,
        created_at=now, updated_at=now,
    )  # fmt: skip


def _targets(services: ImageServices, image: Image, wish: Wish) -> tuple[str, ...]:
    """Where the data are to go. Raises Conflict for a store that there is not, as published."""
    for store in wish.stores:
        if store not in services.stores.writable:
            raise Conflict(f"There is no store {store[:64]!r} that takes data.", store=store[:64])
    if wish.all_stores:
        held = [place.store for place in image.locations if place.state is not LocationState.FAILED]
        return tuple(store for store in services.stores.writable if wish.method != COPY or store not in held)
    return tuple(dict.fromkeys(wish.stores)) or (services.stores.default,)
