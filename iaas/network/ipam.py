"""Which addresses a port gets. A port asks for nothing (one of each IP version), or for subnets and addresses."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from iaas.db.engine import Tx
from iaas.db.network import addresses as addresses_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid
from iaas.model.port import FixedIpWish, Port
from iaas.model.subnet import Subnet
from iaas.network import geometry

MAX_FIXED_IPS = 5


def give_any(tx: Tx, network_id: str, port_id: str) -> None:
    """One address of each IP version that the network has. Raises Conflict when a version has none left."""
    subnets = subnets_db.of_network(tx, network_id)
    for version in sorted({subnet.ip_version for subnet in subnets}):
        give_one(tx, [subnet for subnet in subnets if subnet.ip_version == version], port_id)


def give_one(tx: Tx, subnets: Sequence[Subnet], port_id: str) -> None:
    """An address of one of the subnets, of which there is at least one. Raises Conflict when none has one left."""
    if not any(addresses_db.take_any(tx, subnet, port_id) for subnet in subnets):
        raise exhausted(subnets[0].network_id)


def give_wanted(tx: Tx, network_id: str, port_id: str, wishes: Sequence[FixedIpWish]) -> None:
    """Exactly these. Raises Invalid for a wish that the network can't fulfil, Conflict for an address in use."""
    if len(wishes) > MAX_FIXED_IPS:
        raise Invalid(f"Exceeded maximum amount of fixed ips per port: {MAX_FIXED_IPS}.", code="InvalidInput")
    subnets = subnets_db.of_network(tx, network_id)
    # Named addresses first, so that none of them goes to a wish that would take any.
    for wish in sorted(wishes, key=lambda wish: wish.ip is None):
        subnet = _subnet_for(subnets, network_id, wish)
        if wish.ip is None:
            if addresses_db.take_any(tx, subnet, port_id) is None:
                raise exhausted(network_id)
        elif not addresses_db.take(tx, subnet, wish.ip, port_id):
            raise Conflict(
                f"Unable to complete operation for network {network_id}. "
                f"The IP address {ip_address(wish.ip)} is in use.",
                code="IpAddressInUse",
            )


def change(tx: Tx, port: Port, wishes: Sequence[FixedIpWish]) -> None:
    """From what the port has to what is wanted; addresses that are in both stay untouched."""
    kept, missing = set(), []
    spare = list(port.fixed_ips)
    for wish in sorted(wishes, key=lambda wish: wish.ip is None):
        ip = str(geometry.parse_address(wish.ip, "fixed_ips")) if wish.ip else None
        fits = [
            have
            for have in spare
            if ip in (None, have.ip) and wish.subnet_id in (None, have.subnet_id) and (ip or wish.subnet_id)
        ]
        if fits:
            kept.add(fits[0])
            spare.remove(fits[0])
        else:
            missing.append(wish)
    addresses_db.give(tx, port.id, spare)
    if len(kept) + len(missing) > MAX_FIXED_IPS:
        raise Invalid(f"Exceeded maximum amount of fixed ips per port: {MAX_FIXED_IPS}.", code="InvalidInput")
    give_wanted(tx, port.network_id, port.id, missing)


def exhausted(network_id: str) -> Conflict:
    return Conflict(f"No more IP addresses available on network {network_id}.", code="IpAddressGenerationFailure")


def _subnet_for(subnets: Sequence[Subnet], network_id: str, wish: FixedIpWish) -> Subnet:
    if wish.ip is not None:
        geometry.parse_address(wish.ip, "fixed_ips")
    if wish.subnet_id is not None:
        found = next((subnet for subnet in subnets if subnet.id == wish.subnet_id), None)
        if found is None:
            raise Invalid(
                f"Invalid input for operation: Failed to create port on network {network_id}, because fixed_ips "
                f"included invalid subnet {wish.subnet_id[:64]}.",
                code="InvalidInput",
            )
        candidates = [found]
    elif wish.ip is None:
        raise Invalid("A fixed IP needs a subnet_id or an ip_address.", field="fixed_ips", code="InvalidInput")
    else:
        candidates = list(subnets)
    if wish.ip is None:
        return candidates[0]
    for subnet in candidates:
        if subnet.holds(wish.ip) and geometry.usable(subnet.net, ip_address(wish.ip)):
            return subnet
    raise Invalid(
        f"IP address {wish.ip} is not a valid IP for any of the subnets on the specified network.",
        code="InvalidIpForNetwork",
    )
