"""The volume agent put together from its parts. Chooses no implementation: cmd/ and the tests hand them in.

Start is recovery (C-25): the record of exports is followed at once. The first heartbeat tells the conductor that the
process is a new one, and it asks again for what it has not heard of.
"""

from __future__ import annotations

from pathlib import Path

from iaas.host.executor import Executor
from iaas.host.outbox import Outbox
from iaas.model.order import Backend
from iaas.rpc.conductor import ConductorRpc
from iaas.volume.agent.exports import Exports
from iaas.volume.agent.fences import Fences
from iaas.volume.agent.manager import VolumeManager
from iaas.volume.agent.orders import Orders
from iaas.volume.drivers.driver import VolumeDriver


class VolumeAgent:
    """``endpoint`` is served to the bus; ``look``, ``flush`` and ``tidy`` are run periodically."""

    def __init__(
        self,
        *,
        host: str,
        address: str,
        driver: VolumeDriver,
        state_dir: Path,
        durable: bool,
        conductor: ConductorRpc,
        executor: Executor,
    ) -> None:
        self._driver, self._address = driver, address
        self._fences = Fences(state_dir, durable=durable)
        self.exports = Exports(state_dir, driver, durable=durable)
        self.outbox = Outbox(conductor.volume_report)
        orders = Orders(
            host=host, driver=driver, exports=self.exports, fences=self._fences, outbox=self.outbox, executor=executor
        )
        self.endpoint = VolumeManager(orders, driver, self.exports)

    def backend(self) -> Backend:
        """For the heartbeat."""
        return Backend(
            total_gb=self._driver.capacity_gb(),
            address=self._address,
            port=self._driver.port(),
            served=self.exports.digests(),
        )

    def look(self) -> None:
        """What should be served is served."""
        self.exports.look()

    def flush(self) -> None:
        """Sends the reports that could not be sent before."""
        self.outbox.flush()

    def tidy(self) -> None:
        """Housekeeping that nothing depends on: partial files and old fences."""
        self._driver.tidy()
        self._fences.tidy({*self._driver.volumes(), *self._driver.snapshots(), *self.exports.servers()})
