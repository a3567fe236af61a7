"""The routers that a wish asks for: what each shall be like inside. Pure; a part of plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network

from iaas.errors import Invalid, NotFound
from iaas.model.wiring import RouterPort, RouterWiring
from iaas.network.agent.steps import Door, Leg, Router


def interface_device(port_id: str) -> str:
    return "qr-" + port_id[:11]


def gateway_device(port_id: str) -> str:
    return "qg-" + port_id[:11]


def router_of(wanted: RouterWiring, bridges: Mapping[str, str]) -> Router:
    """``bridges``: network id -> bridge, of the networks that can be wired. Raises NotFound for another network,
    Invalid for odd addresses.

    Only IPv4 is routed: an IPv6 address makes the router a neighbour, no more.
    """
    try:
        interfaces = tuple(sorted((_leg(port, bridges) for port in wanted.interfaces), key=lambda leg: leg.port_id))
        floating = tuple(
            sorted(
                (str(IPv4Address(item.floating_ip)), str(IPv4Address(item.fixed_ip))) for item in wanted.floating_ips
            )
        )
        gateway = _leg(wanted.gateway, bridges, (ip for ip, _ in floating)) if wanted.gateway else None
        own = (
            next((ip for ip, _ in wanted.gateway.ips if ip_address(ip).version == 4), None) if wanted.gateway else None
        )
        hops = [str(ip_address(hop)) for hop in wanted.next_hops if ip_address(hop).version == 4]
        routes = tuple(sorted(_routes(wanted.routes, interfaces if gateway is None else (*interfaces, gateway))))
    except ValueError as error:
        raise Invalid(f"router {wanted.id}: bad address: {error}") from error
    return Router(
        id=wanted.id,
        interfaces=interfaces,
        gateway=gateway,
        next_hop=hops[0] if hops and gateway else None,
        routes=routes,
        snat=own if wanted.snat else None,
        floating=floating if gateway else (),
    )


def doors(router: Router) -> Iterator[Door]:
    """Every interface answers for its network, whether or not a DHCP server does."""
    for leg in router.interfaces:
        yield Door(network_id=leg.network_id, router_id=router.id, device=interface_device(leg.port_id))


def _leg(port: RouterPort, bridges: Mapping[str, str], besides: Iterable[str] = ()) -> Leg:
    """``besides``: single addresses that it answers to as well."""
    if port.network_id not in bridges:
        raise NotFound(f"network {port.network_id} of the router is not wired on this host")
    own = {str(ip_interface(f"{ip}/{length}")) for ip, length in port.ips}
    taken = {address.split("/")[0] for address in own}
    return Leg(
        port_id=port.port_id,
        network_id=port.network_id,
        bridge=bridges[port.network_id],
        mac=port.mac.lower(),
        mtu=port.mtu,
        addresses=tuple(sorted(own | {f"{ip}/32" for ip in besides if ip not in taken})),
    )


def _routes(routes: Iterable[tuple[str, str]], legs: Iterable[Leg]) -> Iterator[tuple[str, str, str]]:
    """With the leg that reaches the hop. One that none reaches can't be used: the API has refused it, or the interface
    has gone and its route goes with it."""
    networks = [(ip_interface(address).network, leg) for leg in legs for address in leg.addresses]
    for destination, hop in routes:
        target, via = ip_network(destination, strict=False), ip_address(hop)
        leg = next((leg for network, leg in networks if via in network), None)
        if leg is not None and target.version == via.version == 4 and target.prefixlen:
            yield str(target), str(via), leg.port_id
