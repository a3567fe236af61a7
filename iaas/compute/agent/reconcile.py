"""What guests are really doing: asked of the hypervisor regularly and at every event. Changes nothing itself.

The conductor compares it with the database and gives orders; the host only tells (C-12).
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from iaas import errors
from iaas.clock import Clock
from iaas.compute.virt.driver import Driver
from iaas.model.order import Guest, Power, Resources

_FRESH = 6.0  # seconds; an older look is none: never let absence be concluded from it
_RESOURCES_AGE = 60.0


class Watcher:
    """``look`` may block while the hypervisor is stuck; ``guests`` never does, so heartbeats go on (F-55)."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: tuple[Guest, ...] | None = None
        self._seen_at = 0.0
        self._resources: Resources | None = None
        self._resources_at = 0.0

    def listen(self, wake: Callable[[], None]) -> None:
        """Calls ``wake`` at every event of a guest (F-56)."""

        def heard(server_id: str, power: Power) -> None:
            wake()

        self._driver.on_event(heard)

    def look(self) -> bool:
        """Asks the hypervisor; True when something is not as it was at the last look. Raises nothing."""
        try:
            found: tuple[Guest, ...] | None = self._driver.guests()
            if self._resources is None or self._clock.monotonic() - self._resources_at > _RESOURCES_AGE:
                self._resources, self._resources_at = self._driver.resources(), self._clock.monotonic()
        except errors.Error:
            found = None
        with self._lock:
            changed = found != self._seen
            self._seen, self._seen_at = found, self._clock.monotonic()
        return changed

    def guests(self) -> tuple[Guest, ...] | None:
        """The guests at the last look; None when the hypervisor could not be asked lately."""
        with self._lock:
            return self._seen if self._clock.monotonic() - self._seen_at <= _FRESH else None

    def resources(self) -> Resources | None:
        """None until the hypervisor has answered for the first time."""
        return self._resources
