"""The compute hosts' interface: topic ``compute``, served by iaas-compute on every host."""

from __future__ import annotations

from iaas.model.order import ComputeInventory, Order
from iaas.rpc.contract import Contract, call, cast


class ComputeRpc(Contract):
    TOPIC = "compute"
    VERSIONS = (("1.0", "execute, console_output, inventory"),)

    @cast
    def execute(self, host: str, order: Order) -> None:
        """Hands an order over; the host answers with ConductorRpc.report."""

    @call(seconds=10)
    def console_output(self, host: str, server_id: str, lines: int | None) -> str:
        """The last lines (all when None) of the serial console, at most 100 KiB; NotFound without a guest."""
        raise NotImplementedError

    @call(seconds=20)
    def inventory(self, host: str) -> ComputeInventory:
        """What is on the host, for the audit."""
        raise NotImplementedError
