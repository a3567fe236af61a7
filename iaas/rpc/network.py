"""The two network interfaces: the controller (database side) and the agents (one a host)."""

from __future__ import annotations

from iaas.model.wiring import HostWiring, NetworkInventory, WiringReport
from iaas.rpc.contract import Contract, call, cast, hint


class NetworkRpc(Contract):
    """Topic ``network``: what agents ask of the controller."""

    TOPIC = "network"
    VERSIONS = (("1.0", "wiring, wired"),)

    @call(seconds=10)
    def wiring(self, agent_host: str) -> HostWiring:
        """The wish for that host, complete."""
        raise NotImplementedError

    @cast
    def wired(self, report: WiringReport) -> None:
        """What has become true on a host. Ports become ACTIVE by it, and builds that wait for them go on."""


class NetworkAgentRpc(Contract):
    """Topic ``network_agent``: what the controller and the conductor tell an agent."""

    TOPIC = "network_agent"
    VERSIONS = (("1.0", "look, inventory"),)

    @hint
    def look(self, host: str) -> None:
        """Something changed: ask for the wiring again now instead of at the next interval."""

    @call(seconds=20)
    def inventory(self, host: str) -> NetworkInventory:
        """What is on the host, for the audit."""
        raise NotImplementedError
