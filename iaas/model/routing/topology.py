"""What there is of networks, routers and servers, and how it hangs together: a value to draw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Box:
    """A network, router or server. ``lines``: what to say of it, the name first."""

    id: str
    kind: str  # "network", "external", "router", "server"
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A port: ``box`` (a router or server) is on the network with these addresses; ``floating``: those outside."""

    box: str
    network: str
    addresses: tuple[str, ...]
    floating: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Topology:
    """``left_out``: ports that there was no more room for."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    left_out: int = 0
