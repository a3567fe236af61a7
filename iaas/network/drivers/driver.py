"""The interface of a data plane, and the values in which it says what it found.

A driver carries out steps and looks; it decides nothing (agent/plan.py does) and talks to no daemon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from iaas.model.wiring import NetworkInventory, NetworkWiring
from iaas.network.agent.steps import Door, Filter, Namespace, Router, Step, Tunnel, Vlan


@dataclass(frozen=True, kw_only=True)
class DriverSettings:
    """What every driver is made with: ``PLUGIN(settings)``.

    ``mark`` (1 to 32 of a-z, 0-9, _) and ``state_dir`` are different for every agent on one machine.
    """

    state_dir: Path
    domain: str
    metadata_url: str
    metadata_secret: str = field(repr=False)
    mark: str = "iaas"
    local_ip: str = ""  # this host's end of tunnels


@dataclass(frozen=True, kw_only=True)
class Bridge:
    """A bridge of the host, anybody's. ``filtered``: its packets pass nft's inet hooks; ``quiet``: no IPv6 of
    the host on it."""

    name: str
    mtu: int
    up: bool
    filtered: bool
    quiet: bool


@dataclass(frozen=True, kw_only=True)
class Found:
    """The state of the host. Only what carries our mark, ``bridges`` and ``taps`` excepted."""

    networks: tuple[str, ...]  # ids of the networks of which something may be here: the ownership records
    with_dhcp: tuple[str, ...]  # those of them with files of a DHCP server
    bridges: tuple[Bridge, ...]
    taps: tuple[tuple[str, str | None], ...]  # (tap device, its bridge)
    tunnels: tuple[Tunnel, ...]  # as they are; one with another end of its own is left out
    vlans: tuple[Vlan, ...]  # that are as they were last wanted
    filter: Filter | None  # the last one that was loaded
    filter_in_force: bool  # and nobody has touched it since
    namespaces: tuple[Namespace, ...]  # as they are; a broken one is left out
    dhcp: tuple[NetworkWiring, ...]  # what the live DHCP servers serve; a dead or outdated one is left out
    leases: tuple[tuple[str, str, str], ...]  # (network id, mac, address)
    metadata: tuple[Door, ...]  # where the metadata address is answered
    router_ids: tuple[str, ...]  # of the routers of which something may be here
    routers: tuple[Router, ...]  # those that are as they were last wanted


class NetworkDriver(Protocol):
    """Four methods. ``found`` and ``apply`` belong to one thread; ``inventory`` may come from any.

    Errors of apply: NotFound (a thing that the step needs, like the operator's bridge or the namespace, is
    not there), Invalid (the step's values can't be carried out; other networks are not affected), Timeout and
    Internal (a tool failed; try again). After an error any part of the step may have been done; the same step
    again completes it. A repeated step changes nothing and disturbs no traffic.
    """

    def found(self) -> Found:
        """Looks at the host itself, not at a memory of what was done. Raises Timeout or Internal."""

    def apply(self, step: Step) -> None:
        """Makes the step true before it returns; see the class for errors."""

    def inventory(self) -> NetworkInventory:
        """Everything with our names, for the audit."""

    def close(self) -> None:
        """Ends threads and sockets of this process. What guests depend on stays: bridges, rules, DHCP
        servers."""
