"""Which host does what, for ``devstack/up --hosts N --layout NAME``. Tables, and nothing else.

| layout         | hosts                                                | of the guides                    |
|----------------|------------------------------------------------------|----------------------------------|
| (one host)     | everything on the machine itself, no --hosts         | A-007                            |
| controller     | controller with network agents and volumes; computes | A-008 (2 hosts), A-010 (3), A-026 |
| network-node   | controller; computes; the last for network, volumes  | A-011, A-012 (4 hosts), A-026     |
| separate       | controller; computes; a network host; a volume host  | A-011 (nodes 3 and 4)            |
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from devstack.stack.failure import Failure

# What a host can be for. CONTROL: the APIs, the scheduler, the conductor, and the controller of iaas-network.
BROKER, DATABASE, CONTROL, COMPUTE, NETWORK, VOLUME = "broker", "database", "control", "compute", "network", "volume"
ROLES = (BROKER, DATABASE, CONTROL, COMPUTE, NETWORK, VOLUME)
ADDABLE = (COMPUTE, NETWORK, VOLUME)  # what a host that joins a running cloud can be for

_FIRST_ADDRESS = 11  # of the management network; .1 is the machine's own
_MOST = 100


@dataclass(frozen=True, kw_only=True)
class Host:
    """One simulated machine: ``number`` counts from 0 and gives it its address."""

    name: str
    number: int
    roles: tuple[str, ...]

    @property
    def network_roles(self) -> tuple[str, ...]:
        """``--role`` of its iaas-network: a compute host only wires, its networks are served elsewhere."""
        found = ("controller",) if CONTROL in self.roles else ()
        if NETWORK in self.roles:
            return (*found, "agent")
        return (*found, "l2") if COMPUTE in self.roles else found

    @property
    def offset(self) -> int:
        """Of its address in the management network."""
        return _FIRST_ADDRESS + self.number


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(1, count + 1)]


def _controller(hosts: int) -> list[tuple[str, tuple[str, ...]]]:
    computes = [(name, (COMPUTE,)) for name in _numbered("compute", hosts - 1)]
    return [("controller", (BROKER, DATABASE, CONTROL, NETWORK, VOLUME)), *computes]


def _network_node(hosts: int) -> list[tuple[str, tuple[str, ...]]]:
    computes = [(name, (COMPUTE,)) for name in _numbered("compute", hosts - 2)]
    return [("controller", (BROKER, DATABASE, CONTROL)), *computes, ("network1", (NETWORK, VOLUME))]


def _separate(hosts: int) -> list[tuple[str, tuple[str, ...]]]:
    computes = [(name, (COMPUTE,)) for name in _numbered("compute", hosts - 3)]
    return [("controller", (BROKER, DATABASE, CONTROL)), *computes, ("network1", (NETWORK,)), ("volume1", (VOLUME,))]


# name -> (least number of hosts, who is who)
LAYOUTS = {"controller": (2, _controller), "network-node": (3, _network_node), "separate": (4, _separate)}
DEFAULT = "controller"


def lay_out(layout: str, hosts: int, controllers: int = 1) -> tuple[Host, ...]:
    """The hosts of a new cloud. Raises Failure where the layout needs more.

    ``controllers`` above 1 adds hosts that run a second broker, second APIs, a second scheduler and conductor.
    """
    least, table = LAYOUTS[layout]
    if not least <= hosts <= _MOST:
        raise Failure(f"the layout {layout} is for {least} to {_MOST} hosts")
    found = table(hosts)
    more = [(f"controller{number}", (BROKER, CONTROL)) for number in range(2, controllers + 1)]
    named = enumerate([found[0], *more, *found[1:]])
    return tuple(Host(name=name, number=number, roles=roles) for number, (name, roles) in named)


def joining(hosts: tuple[Host, ...], name: str, roles: tuple[str, ...]) -> Host:
    """One more host for a running cloud. Raises Failure for a name that is taken or does not fit a device's name."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,11}", name):
        raise Failure(f"{name!r}: a host's name has at most 12 lower-case letters, digits and hyphens")
    if name in {host.name for host in hosts}:
        raise Failure(f"there is a host {name} already")
    number = max(host.number for host in hosts) + 1
    if number >= _MOST:
        raise Failure(f"no addresses are left: at most {_MOST} hosts")
    return Host(name=name, number=number, roles=roles or (COMPUTE,))
