"""Images that an administrator wants on this host before a server needs them: one at a time, when there is time.

Best effort, as published: what fails is in the log, and the first server fetches the image itself.
"""

from __future__ import annotations

import logging
import threading

from iaas import errors
from iaas.clock import Clock
from iaas.compute.agent.disks import DiskStore
from iaas.host.executor import Executor
from iaas.model.order import ImageSource

_LOG = logging.getLogger(__name__)
MOST_WAITING = 100


class Unhurried:
    """Work that nobody waits for and nothing supersedes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def check(self) -> None:
        """Goes on."""

    def progress(self) -> None:
        """Goes on."""

    def pause(self, seconds: float) -> None:
        self._clock.wait(threading.Event(), seconds)


class Prefetch:
    """``executor``: of its own, so that no build waits for it."""

    def __init__(self, disks: DiskStore, executor: Executor, clock: Clock) -> None:
        self._disks, self._executor, self._clock = disks, executor, clock
        self._lock = threading.Lock()
        self._waiting: set[str] = set()  # ids, the one under way included

    def accept(self, image: ImageSource) -> None:
        """Returns at once. A repetition, and what is too much, changes nothing."""
        with self._lock:
            if image.id in self._waiting:
                return
            if len(self._waiting) >= MOST_WAITING:
                _LOG.warning("image %s is not fetched ahead: %d others wait", image.id, MOST_WAITING)
                return
            self._waiting.add(image.id)
        try:
            self._executor.submit(lambda: self._fetch(image))
        except errors.Unavailable:
            self._forget(image)
            raise

    def _fetch(self, image: ImageSource) -> None:
        try:
            self._disks.prefetch(image, Unhurried(self._clock))
        except (errors.Error, OSError) as error:
            _LOG.warning("image %s could not be fetched ahead: %s", image.id, error)
        finally:
            self._forget(image)

    def _forget(self, image: ImageSource) -> None:
        with self._lock:
            self._waiting.discard(image.id)
