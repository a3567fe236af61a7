"""Takes up tasks and does them: data from the stage, from the web, from one store to others.

A worker holds a lease on its task and dies whenever it wants: another takes the task up, removes what the first one
left, and begins anew under a new generation, at most TRIES times in all (F-10). Rows and quota change together with the
task, in one transaction.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

from iaas import failpoints
from iaas.db.engine import Tx
from iaas.db.image import copies, tasks, uploads
from iaas.db.image import images as rows
from iaas.errors import Conflict, Error, Invalid, NotFound
from iaas.image import fetch
from iaas.image.delete import complete_copy
from iaas.image.download import open_data
from iaas.image.fanout import Fanout
from iaas.image.faults import Gone
from iaas.image.imports import COPY, DIRECT
from iaas.image.intake import LEASE_S, Analysis, Tenure, take_in
from iaas.image.services import ImageServices
from iaas.image.upload import receive
from iaas.inspection.inspector import Limits
from iaas.model.image import STAGING, Image, ImageTask, LocationState, Task, TaskStatus, TaskType

log = logging.getLogger(__name__)
POLL_S = 3.0
TRIES = 5


def work(services: ImageServices) -> None:
    """Waits a while for the bell, then does all that is to be done."""
    services.bell.wait(POLL_S)
    services.bell.clear()
    while run_one(services):
        pass


def run_one(services: ImageServices) -> bool:
    """One task, to its end. False: there was none."""
    most = max(1, services.options.import_workers - 1)  # one is left to other projects
    with services.database.read() as tx:
        if not tasks.waiting(tx, most):
            return False
    task = services.database.run(lambda tx: tasks.claim(tx, LEASE_S, most))
    if task is None:
        return False
    failpoints.hit("image.import.claimed")
    work = _Work(services, task)
    try:
        work.run()
    except Exception as error:
        if isinstance(error, Error):
            message = error.message
            log.info("task %s failed: %s", task.id, message)
        else:
            message = "The import failed: the data could not be read."
            log.exception("task %s failed", task.id)
        with suppress(NotFound, Conflict):  # taken over, or the image is gone and this was its last task
            work.fail(message)
    work.clean()
    return True


class _Work:
    """One task in the hands of one worker."""

    def __init__(self, services: ImageServices, task: ImageTask) -> None:
        self._services, self._task = services, task
        self._database = services.database
        wish = task.input.get("import_req") or {}
        self._copies = (wish.get("method") or {}).get("name") == COPY
        self._direct = (wish.get("method") or {}).get("name") == DIRECT
        self._all_must = bool(wish.get("all_stores_must_succeed", True))

    def run(self) -> None:
        """Raises whatever went wrong."""
        image = self._begin()
        if self._copies:
            self._copy(image)
        elif self._task.type is TaskType.LOCATION:
            self._locate(image)
        else:
            with closing(self._source(image)) as stream:
                right = Tenure(
                    self._services, image, self._beat(image), len(image.stores(LocationState.WRITING)),
                    covered=self._services.options.max_size if self._direct else 0,
                )  # fmt: skip
                receive(
                    self._services, image, stream, getattr(stream, "length", None),
                    image.stores(LocationState.WRITING), right, all_must=self._all_must, also=self._succeed,
                )  # fmt: skip
        failpoints.hit("image.import.finished")

    def _begin(self) -> Image:
        """The image as this worker is to find it. Raises Gone, Conflict, Unavailable."""
        with self._database.read() as tx:
            image = rows.find(tx, self._task.image_id or "")
        if image is None:
            raise Gone(f"Image {self._task.image_id} is gone: it was deleted before it was imported.")
        if self._task.attempt == 1:
            return image
        places = [place for place in image.locations if place.state is LocationState.WRITING]
        for place in places:
            self._services.stores[place.store].delete(place.name)
        if self._task.attempt > TRIES:
            raise Invalid(f"The import was given up: {TRIES} workers died of it.")
        if self._copies:
            return image
        url = places[0].name if self._task.type is TaskType.LOCATION else None
        stores = [place.store for place in places]
        return self._database.run(lambda tx: uploads.again(tx, image, stores, keep=self._direct, name=url))

    def _source(self, image: Image) -> Any:
        """A stream to read, which may know its length."""
        if not self._direct:
            method = (self._task.input.get("import_req") or {}).get("method") or {}
            return fetch.open_url(method.get("uri") or self._task.input["import_from"], self._services.options)
        staged = next((place for place in image.locations if place.state is LocationState.STAGED), None)
        if staged is None:
            raise Conflict(f"Nothing is staged for image {image.id}.", id=image.id)
        return self._services.stores[STAGING].open(staged.name)

    def _beat(self, image: Image) -> Callable[[int], bool]:
        quota = self._services.options.project_quota

        def beat(tx: Tx, more: int) -> bool:
            return tasks.beat(tx, self._task, LEASE_S) and uploads.beat(tx, image, None, more, quota)

        return lambda more: self._database.run(lambda tx: beat(tx, more))

    # -- a copy --------------------------------------------------------------------------------------------------

    def _copy(self, image: Image) -> None:
        """From the best store to the others, the hash compared on the way: damage does not spread."""
        targets = image.stores(LocationState.WRITING)
        right = Tenure(self._services, image, self._beat_copy(image), covered=image.size or 0)
        digest = hashlib.new(image.hash_algo or "sha512")
        fanout = Fanout(self._services.stores, targets, image.blob, self._all_must)
        try:
            if targets:
                with closing(open_data(self._services, image)) as stream:
                    take_in(stream, fanout, right, digest.update, image.size, image.size or 0)
                if not hmac.compare_digest(digest.hexdigest(), image.hash_value or ""):
                    raise Invalid(f"The data of image {image.id} are damaged in the store that they were read from.")
            right.hold()
            fanout.commit()
            failpoints.hit("image.import.copied")
            self._database.run(lambda tx: self._finish_copy(tx, image, fanout.stored))
        except Exception:
            fanout.abandon()
            raise

    def _beat_copy(self, image: Image) -> Callable[[int], bool]:
        def beat(tx: Tx) -> bool:
            return tasks.beat(tx, self._task, LEASE_S) and rows.find(tx, image.id) is not None

        return lambda _: self._database.run(beat)

    def _finish_copy(self, tx: Tx, image: Image, stored: tuple[str, ...]) -> None:
        self._succeed(tx)
        copies.finish(tx, image.id, stored)

    # -- data that stay where they are -----------------------------------------------------------------------------

    def _locate(self, image: Image) -> None:
        """Reads them once, to know what they are: nobody is given what was not inspected."""
        (place,) = (item for item in image.locations if item.state is LocationState.WRITING)
        analysis = Analysis(image, Limits(self._services.options.max_virtual_size))
        right = Tenure(self._services, image, self._beat(image), copies=0)
        with closing(self._services.stores[place.store].open(place.name)) as stream:
            nowhere = Fanout(self._services.stores, (), image.blob)
            size = take_in(stream, nowhere, right, analysis.feed, None, self._services.options.max_size)
        facts = analysis.facts(size)
        wanted = (self._task.input.get("validation_data") or {}).get("os_hash_value")
        if wanted and not hmac.compare_digest(wanted.lower(), facts.hash_value):
            raise Invalid("The data at the location do not have the announced hash.")

        def finish(tx: Tx) -> None:
            self._succeed(tx)
            uploads.finish(tx, image, facts, [place.store], 0)

        self._database.run(finish)

    # -- the end ---------------------------------------------------------------------------------------------------

    def _succeed(self, tx: Tx) -> None:
        result: dict[str, Any] = {"image_id": self._task.image_id}
        tasks.finish(tx, self._task, TaskStatus.SUCCESS, "", result, self._services.options.task_hours)

    def fail(self, message: str) -> None:
        """The task has failed; an import is queued again, copies are as if never begun. Raises NotFound, Conflict."""
        self._database.run(lambda tx: self._fail(tx, message))

    def _fail(self, tx: Tx, message: str) -> None:
        tasks.finish(tx, self._task, TaskStatus.FAILURE, message, None, self._services.options.task_hours)
        image = rows.find(tx, self._task.image_id or "")
        if image is None:
            return
        if self._copies:
            copies.finish(tx, image.id, ())
        elif image.task is Task.IMPORTING:
            uploads.abandon(tx, image)

    def clean(self) -> None:
        """What was staged has no more use; trouble is left to the sweep."""
        image_id = self._task.image_id or ""
        with self._database.read() as tx:
            image = rows.find(tx, image_id)
        for place in image.locations if image else ():
            if place.store == STAGING and place.state is LocationState.REMOVING:
                try:
                    complete_copy(self._services, image_id, place)
                except Error as error:
                    log.warning("%s stays in the staging store until the sweep: %s", place.name, error.message)
