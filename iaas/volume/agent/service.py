"""The volume agent put together from its parts. Chooses no implementation: cmd/ and the tests hand them in.

Start is recovery (C-25): there is nothing to load. The first heartbeat tells the conductor that the process is a new
one, and it asks again for what it has not heard of.
"""

from __future__ import annotations

from iaas.host.executor import Executor
from iaas.host.outbox import Outbox
from iaas.rpc.conductor import ConductorRpc
from iaas.volume.agent.fences import Fences
from iaas.volume.agent.manager import VolumeManager
from iaas.volume.agent.orders import Orders
from iaas.volume.drivers.driver import VolumeDriver


class VolumeAgent:
    """``endpoint`` is served to the bus; ``flush`` and ``tidy`` are run periodically."""

    def __init__(
        self, *, host: str, driver: VolumeDriver, fences: Fences, conductor: ConductorRpc, executor: Executor
    ) -> None:
        self._driver, self._fences = driver, fences
        self.outbox = Outbox(conductor.volume_report)
        orders = Orders(host=host, driver=driver, fences=fences, outbox=self.outbox, executor=executor)
        self.endpoint = VolumeManager(orders, driver)

    def flush(self) -> None:
        """Sends the reports that could not be sent before."""
        self.outbox.flush()

    def tidy(self) -> None:
        """Housekeeping that nothing depends on: partial files and old fences."""
        self._driver.tidy()
        self._fences.tidy(self._driver.volumes())
