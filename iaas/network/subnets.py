"""Subnets: create, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import routers as routers_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid
from iaas.model.network import Network
from iaas.model.subnet import Subnet
from iaas.network import dhcp, doorbells, geometry
from iaas.network.settings import Settings

STATEFUL = "dhcpv6-stateful"


def create(tx: Tx, settings: Settings, project_id: str, network: Network, values: Mapping[str, Any]) -> Subnet:
    """``values``: columns as the client gave them; ``gateway_ip`` absent means the first address, None no gateway.
    ``pools`` absent means everything. Raises Invalid, Conflict or QuotaExceeded."""
    net = geometry.subnet_cidr(values["cidr"], values["ip_version"])
    gateway = geometry.default_gateway(net)
    if "gateway_ip" in values:
        gateway = values["gateway_ip"] and geometry.gateway(net, values["gateway_ip"])
    pools = values.get("pools")
    row = {
        "name": values.get("name", ""),
        "description": values.get("description", ""),
        "project_id": project_id,
        "network_id": network.id,
        "ip_version": net.version,
        "cidr": str(net),
        "gateway_ip": gateway or None,
        "enable_dhcp": values.get("enable_dhcp", True),
        "pools": geometry.default_pools(net, gateway) if pools is None else geometry.pools(net, pools, gateway),
        "dns_nameservers": geometry.nameservers(values.get("dns_nameservers") or ()),
        "host_routes": geometry.host_routes(values.get("host_routes") or (), net.version),
        **_ipv6_modes(values, net.version),
    }
    quotas.take(tx, project_id, {"subnets": 1}, settings.limits)
    networks_db.lock(tx, network.id)  # two overlapping subnets at once: the second one sees the first
    for other in subnets_db.of_network(tx, network.id):
        if other.net.version == net.version and other.net.overlaps(net):
            raise Invalid(
                f"Invalid input for operation: Requested subnet with cidr: {net} for network: {network.id} "
                "overlaps with another subnet.",
                code="InvalidInput",
            )
    subnet_id = subnets_db.insert(tx, row)
    dhcp.sync(tx, settings, network)
    doorbells.network_changed(tx, settings, network.id)
    return subnets_db.get(tx, subnet_id)


def update(tx: Tx, settings: Settings, subnet: Subnet, values: Mapping[str, Any]) -> Subnet:
    """Name, description, gateway_ip, pools, enable_dhcp, dns_nameservers, host_routes. Raises Invalid, Conflict."""
    changed = {key: values[key] for key in ("name", "description", "enable_dhcp") if key in values}
    net = ip_network(subnet.cidr)
    if "gateway_ip" in values:
        given = values["gateway_ip"]
        changed["gateway_ip"] = geometry.gateway(net, given) if given else None
        _check_gateway(tx, subnet, changed["gateway_ip"])
    if "gateway_ip" in values or "pools" in values:
        pools = values.get("pools", subnet.pools)
        changed["pools"] = geometry.pools(net, pools, changed.get("gateway_ip", subnet.gateway_ip))
    if "dns_nameservers" in values:
        changed["dns_nameservers"] = geometry.nameservers(values["dns_nameservers"] or ())
    if "host_routes" in values:
        changed["host_routes"] = geometry.host_routes(values["host_routes"] or (), net.version)
    if changed:
        networks_db.lock(tx, subnet.network_id)
        subnets_db.update(tx, subnet.id, changed)
        if "enable_dhcp" in changed:
            dhcp.sync(tx, settings, networks_db.get(tx, subnet.network_id))
        doorbells.network_changed(tx, settings, subnet.network_id)
    return subnets_db.get(tx, subnet.id)


def delete(tx: Tx, settings: Settings, subnet: Subnet) -> None:
    """Raises Conflict while a port has an address of it."""
    networks_db.lock(tx, subnet.network_id)
    if subnets_db.in_use(tx, subnet.id):
        raise Conflict(
            f"Unable to complete operation on subnet {subnet.id}: One or more ports have an IP allocation "
            "from this subnet.",
            code="SubnetInUse",
        )
    if subnet.enable_dhcp:
        # The DHCP server leaves the subnet first: its address is the last thing that refers to it.
        subnets_db.update(tx, subnet.id, {"enable_dhcp": False})
        dhcp.sync(tx, settings, networks_db.get(tx, subnet.network_id))
    subnets_db.delete(tx, [subnet.id])
    quotas.give(tx, subnet.project_id, {"subnets": 1})
    doorbells.network_changed(tx, settings, subnet.network_id)


def _check_gateway(tx: Tx, subnet: Subnet, new: str | None) -> None:
    """Raises Conflict when a router has the old gateway's address."""
    holder = routers_db.holder(tx, subnet.id, subnet.gateway_ip) if new != subnet.gateway_ip else None
    if holder is not None:
        raise Conflict(
            f"Current gateway ip {subnet.gateway_ip} already in use by port {holder}. Unable to update.",
            code="GatewayIpInUse",
        )


def _ipv6_modes(values: Mapping[str, Any], version: int) -> dict[str, str | None]:
    """Addresses come from DHCP in both versions; router advertisements are a router's business."""
    modes: dict[str, str | None] = {}
    for name in ("ipv6_ra_mode", "ipv6_address_mode"):
        mode = values.get(name)
        if mode is not None and version == 4:
            raise Invalid(f"Invalid input for operation: {name} is not valid when ip_version is 4.", field=name)
        if mode not in (None, STATEFUL):
            raise Invalid(f"Invalid input for operation: {name} {mode} is not supported.", field=name)
        modes[name] = mode
    return modes
