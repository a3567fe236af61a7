"""What a new server asks for, checked as the compute API words it: a thing that the caller can't see is as good as
one that does not exist, and both are the request's fault (S-060)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Error, Forbidden, Invalid
from iaas.model.network import Network, NetworkRequest
from iaas.model.port import Port
from iaas.model.subnet import Subnet

MAX_REQUESTS = 32


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A request whose things exist and may be used: a port to take, or a network to make one on."""

    network: Network
    port: Port | None = None
    fixed_ip: str | None = None


def check(tx: Tx, context: Context, wanted: Sequence[NetworkRequest]) -> list[Checked]:
    """In the order of the requests; three queries, however many. Raises Invalid, Forbidden or Conflict."""
    if len(wanted) > MAX_REQUESTS:
        raise Invalid(f"At most {MAX_REQUESTS} network interfaces are possible.", field="networks")
    named = [item.port_id for item in wanted if item.port_id]
    if len(set(named)) != len(named):
        raise Invalid("A port can be given only once.", field="networks")
    ports = ports_db.by_ids(tx, named, context)
    asked = {item.network_id for item in wanted if item.network_id and not item.port_id}
    networks = networks_db.by_ids(tx, asked, context)
    behind = networks_db.by_ids(tx, {port.network_id for port in ports.values()})
    subnets = subnets_db.of_networks(tx, asked)
    found = []
    for item in wanted:
        if item.port_id:
            port = _port(ports.get(item.port_id), item.port_id)
            found.append(Checked(network=behind[port.network_id], port=port))
        else:
            found.append(_network(context, item, networks, subnets))
    return found


def port_in_use(port_id: str) -> Error:
    return Conflict(f"Port {port_id} is still in use.", resource="port", id=port_id)


def _port(port: Port | None, port_id: str) -> Port:
    if port is None:
        raise Invalid(f"Port id {port_id} could not be found.", field="networks")
    if port.server_id is not None or port.device_id:
        raise port_in_use(port.id)
    if not port.fixed_ips:
        raise Invalid(f"Port {port.id} requires a FixedIP in order to be used.", field="networks")
    return port


def _network(
    context: Context, item: NetworkRequest, networks: dict[str, Network], subnets: Sequence[Subnet]
) -> Checked:
    network = networks.get(item.network_id or "")
    if network is None:
        raise Invalid(f"Network {item.network_id} could not be found.", field="networks")
    owned = context.is_admin or network.project_id == context.owner
    if not owned and not network.shared:
        raise Forbidden(f"It is not allowed to create an interface on external network {network.id}")
    members = [subnet for subnet in subnets if subnet.network_id == network.id]
    if not members:
        raise Invalid(f"Network {network.id} requires a subnet in order to boot instances on.", field="networks")
    if item.fixed_ip is not None:
        if not owned:
            raise Forbidden(f"It is not allowed to choose an address on network {network.id}")
        if not any(subnet.holds(item.fixed_ip) for subnet in members):
            raise Invalid(f"Fixed IP {item.fixed_ip} is not a valid ip address for network {network.id}.",
                          field="networks")  # fmt: skip
    return Checked(network=network, fixed_ip=item.fixed_ip)
