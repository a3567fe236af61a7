"""The extra routes of a router: next hops that it reaches, and none of its own addresses."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from iaas.db.engine import Tx
from iaas.db.network import routers as routers_db
from iaas.errors import Invalid
from iaas.network import geometry

MAX_ROUTES = 30
Route = tuple[str, str]


def checked(tx: Tx, router_id: str, given: Sequence[Route]) -> list[Route]:
    """The routes in canonical form, each once. Raises Invalid."""
    found: dict[Route, None] = {}
    subnets = [subnet.net for _, subnet in routers_db.subnets_of(tx, router_id)]
    own = {fixed.ip for port in routers_db.ports_of(tx, router_id) for fixed in port.fixed_ips}
    for destination, hop in given:
        net = geometry.parse_network(destination, "routes")
        next_hop = geometry.parse_address(hop, "routes", net.version)
        if str(next_hop) in own:
            raise _wrong(given, "the nexthop is used by router")
        if not any(next_hop in subnet for subnet in subnets):
            raise _wrong(given, "the nexthop is not connected with router")
        found[str(net), str(next_hop)] = None
    if len(found) > MAX_ROUTES:
        raise Invalid(
            f"Unable to complete operation for {router_id}. The number of routes exceeds the maximum {MAX_ROUTES}.",
            code="RoutesExhausted",
        )
    return list(found)


def with_hop_in(routes: Sequence[Route], subnet_cidr: str) -> bool:
    """Whether one of the routes goes through the subnet."""
    net = geometry.parse_network(subnet_cidr, "cidr")
    return any(ip_address(hop) in net for _, hop in routes)


def added(routes: Sequence[Route], more: Sequence[Route]) -> list[Route]:
    return list(dict.fromkeys((*routes, *more)))


def removed(routes: Sequence[Route], fewer: Sequence[Route]) -> list[Route]:
    return [route for route in routes if route not in fewer]


def _wrong(given: Sequence[Route], why: str) -> Invalid:
    words = ", ".join(f"{destination} via {hop}" for destination, hop in list(given)[:3])
    return Invalid(f"Invalid format for routes: {words[:200]}, {why}", code="InvalidRoutes")
