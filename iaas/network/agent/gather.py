"""What is wanted and what is there, as two complete values. Decides nothing.

The host is looked at before the wish is asked for: a thing that was there before, and is not in the wish that
was read after, is really not wanted (C-12). Without the controller the last wish is good for repairs, never
for removals.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from iaas.errors import Error
from iaas.model.wiring import HostWiring
from iaas.network.drivers.driver import Found, NetworkDriver
from iaas.rpc.network import NetworkRpc

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Gathered:
    wish: HostWiring
    found: Found
    fresh: bool  # the wish was read just now; False: it is the last one that could be had


class Gatherer:
    """Remembers the last wish. One thread."""

    def __init__(self, host: str, rpc: NetworkRpc, driver: NetworkDriver) -> None:
        self._host = host
        self._rpc = rpc
        self._driver = driver
        self._wish: HostWiring | None = None

    def gather(self, ask: bool) -> Gathered:
        """``ask`` False: with the last wish, if there is one. Raises the bus's error when there is none and
        the controller does not answer, and whatever the driver's ``found`` raises."""
        found = self._driver.found()
        fresh = False
        if ask or self._wish is None:
            try:
                self._wish = self._rpc.wiring(self._host)
                fresh = True
            except Error as error:
                if self._wish is None:
                    raise
                _LOG.warning("no wiring from the controller, the last one stands: %s", error)
        return Gathered(wish=self._wish, found=found, fresh=fresh)
