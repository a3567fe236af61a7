"""The agent's RPC endpoint (rpc/network.py, NetworkAgentRpc): delegations only."""

from __future__ import annotations

from collections.abc import Callable

from iaas.model.wiring import NetworkInventory
from iaas.network.drivers.driver import NetworkDriver


class NetworkAgentManager:
    """``look``: what a hint does, ``Loop.look`` in a daemon; tests of a whole cloud in one thread hand in
    ``Loop.round``."""

    def __init__(self, look: Callable[[], object], driver: NetworkDriver) -> None:
        self._look = look
        self._driver = driver

    def look(self) -> None:
        self._look()

    def inventory(self) -> NetworkInventory:
        return self._driver.inventory()
