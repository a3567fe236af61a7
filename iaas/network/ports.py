"""Ports: create, change, delete. Whether the caller may is decided above; what is possible is decided here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import security_groups as groups_db
from iaas.errors import Conflict, Invalid
from iaas.model.network import Network
from iaas.model.port import DOWN, SERVICE_OWNERS, Port
from iaas.network import dhcp, doorbells, ipam, security_groups
from iaas.network.routing import floating_ips, placement
from iaas.network.settings import Settings

MAX_PAIRS, MAX_GROUPS = 10, 20
_MAC = re.compile(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}")
_PLAIN = ("name", "description", "admin_state_up", "device_id", "device_owner", "vnic_type", "profile", "host")


def create(
    tx: Tx,
    settings: Settings,
    context: Context,
    project_id: str,
    network: Network,
    values: Mapping[str, Any],
) -> Port:
    """``values``: columns of a port, and ``mac``, ``fixed_ips`` (a sequence of FixedIpWish; absent: one address of
    each IP version), ``groups`` (ids; absent: the project's default group) and ``allowed_pairs`` ((MAC or None,
    address)). Raises NotFound for a group, Invalid, Conflict or QuotaExceeded."""
    row = {name: values[name] for name in _PLAIN if name in values}
    row |= {"project_id": project_id, "network_id": network.id, "status": DOWN}
    row |= {"admin_state_up": values.get("admin_state_up", True)}
    row |= {key: values[key] for key in ("server_id", "position", "made_for_server") if key in values}
    secured = values.get("port_security", network.port_security)
    row["port_security"] = secured
    mac = parse_mac(values["mac"]) if values.get("mac") else None
    quotas.take(tx, project_id, {"ports": 1}, settings.limits)
    port_id = ports_db.insert(tx, row, mac, settings.mac_prefix)
    groups = _groups_for(tx, context, project_id, values, secured)
    ports_db.set_groups(tx, port_id, groups)
    if "fixed_ips" in values:
        ipam.give_wanted(tx, network.id, port_id, values["fixed_ips"])
    else:
        ipam.give_any(tx, network.id, port_id)
    if values.get("allowed_pairs"):
        _set_pairs(tx, ports_db.get(tx, port_id), secured, values["allowed_pairs"])
    if row.get("host"):
        dhcp.sync(tx, settings, network, near=row["host"])
    port = ports_db.get(tx, port_id)
    doorbells.ports_changed(tx, settings, [port])
    return port


def update(tx: Tx, settings: Settings, context: Context, port: Port, values: Mapping[str, Any]) -> Port:
    """As create; ``groups`` and ``fixed_ips`` replace what the port has. Raises NotFound, Invalid, Conflict."""
    row = {name: values[name] for name in _PLAIN if name in values}
    _check_owner(port, values)
    secured = values.get("port_security", port.port_security)
    row["port_security"] = secured
    if "groups" in values or not secured:
        wanted = values.get("groups", port.groups)
        ports_db.set_groups(tx, port.id, _checked_groups(tx, context, wanted, secured))
    if "fixed_ips" in values:
        ipam.change(tx, port, values["fixed_ips"])
        floating_ips.addresses_go(tx, settings, ports_db.get(tx, port.id))
    if values.get("mac") and parse_mac(values["mac"]) != port.mac:
        if port.host:
            raise Conflict(f"Unable to complete operation on port {port.id}, port is already bound.",
                           code="PortBound")  # fmt: skip
        row["mac"] = parse_mac(values["mac"])
    if "host" in row and (row["host"] or None) != port.host:
        row |= {"host": row["host"] or None, "status": DOWN}
    if row.get("admin_state_up") is False:
        row["status"] = DOWN
    if not ports_db.update(tx, port.id, row):
        raise ports_db.missing(port.id)
    if "allowed_pairs" in values or (not secured and port.allowed_pairs):
        _set_pairs(tx, ports_db.get(tx, port.id), secured, values.get("allowed_pairs", port.allowed_pairs))
    if row.get("host"):
        dhcp.sync(tx, settings, networks_db.get(tx, port.network_id), near=row["host"])
    after = ports_db.get(tx, port.id)
    doorbells.ports_changed(tx, settings, [port, after])
    if port.router_id is not None:
        routers_db.hold(tx, port.router_id)
        placement.sync(tx, settings, port.router_id)
    return after


def delete(tx: Tx, settings: Settings, ports: Sequence[Port]) -> None:
    """Frees addresses, memberships and quota with the rows, and floating IPs lead nowhere then. Raises Conflict for a
    port of the platform's own."""
    for port in ports:
        if port.device_owner in SERVICE_OWNERS:
            raise Conflict(
                f"Port {port.id} cannot be deleted directly via the port API: has device owner {port.device_owner}.",
                code="ServicePortInUse",
            )
    doorbells.ports_changed(tx, settings, ports)
    ports_db.hold(tx, [port.id for port in ports])
    floating_ips.ports_go(tx, settings, [port.id for port in ports])
    for port in ports:
        if ports_db.delete(tx, [port.id]):
            quotas.give(tx, port.project_id, {"ports": 1})


def parse_mac(text: str) -> str:
    """In lower case with colons. Raises Invalid for a MAC that no single guest can have."""
    mac = text.strip().lower()
    if not _MAC.fullmatch(mac):
        raise Invalid(f"'{text[:32]}' is not a valid MAC address.", field="mac_address")
    mac = mac.replace("-", ":")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise Invalid(f"'{text[:32]}' is not the MAC address of one device.", field="mac_address")
    return mac


def _check_owner(port: Port, row: Mapping[str, Any]) -> None:
    """A server's interface belongs to the compute service until the server lets go of it, a router's to the router."""
    taken = port.server_id is not None or port.device_owner in SERVICE_OWNERS
    changes = ("device_id", "device_owner", "host")
    if port.device_owner in SERVICE_OWNERS and "fixed_ips" in row:
        raise Conflict(
            f"Port {port.id} has device owner {port.device_owner}: its addresses are changed with what it belongs to.",
            code="ServicePortInUse",
        )
    if taken and any(name in row and (row[name] or "") != (getattr(port, name) or "") for name in changes):
        raise Conflict(
            f"Unable to complete operation on port {port.id} for network {port.network_id}. "
            f"Port already has an attached device {port.device_id}.",
            code="PortInUse",
        )


def _groups_for(tx: Tx, context: Context, project_id: str, values: Mapping[str, Any], secured: bool) -> tuple[str, ...]:
    if values.get("groups") is not None:
        return _checked_groups(tx, context, values["groups"], secured)
    if not secured or str(values.get("device_owner", "")).startswith("network:"):
        return ()
    return (security_groups.ensure_default(tx, project_id),)


def _checked_groups(tx: Tx, context: Context, ids: Sequence[str], secured: bool) -> tuple[str, ...]:
    if len(ids) > MAX_GROUPS:
        raise Invalid(f"At most {MAX_GROUPS} security groups are possible.", field="security_groups")
    if ids and not secured:
        raise Conflict(
            "Port security must be enabled and port must have an IP address in order to use security groups.",
            code="PortSecurityAndIPRequiredForSecurityGroups",
        )
    known = groups_db.ids_of(tx, context, ids)
    for id in ids:
        if id not in known:
            raise groups_db.missing(id)
    return tuple(dict.fromkeys(ids))


def _set_pairs(tx: Tx, port: Port, secured: bool, pairs: Sequence[tuple[str | None, str]]) -> None:
    if len(pairs) > MAX_PAIRS:
        raise Invalid(f"Exceeded maximum amount of address pairs: {MAX_PAIRS}.", code="AddressPairsExhausted")
    if pairs and not secured:
        raise Conflict(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            code="AddressPairAndPortSecurityRequired",
        )
    normal = []
    for mac, address in pairs:
        try:
            net = ip_network(address, strict=False)
        except ValueError:
            raise Invalid(f"'{address[:64]}' is not a valid IP address.", field="allowed_address_pairs") from None
        text = str(net[0]) if net.num_addresses == 1 and "/" not in address else str(net)
        normal.append([parse_mac(mac) if mac else port.mac, text])
    if len({tuple(pair) for pair in normal}) != len(normal):
        raise Invalid("Request contains duplicate address pair.", code="DuplicateAddressPairInRequest")
    if [list(pair) for pair in port.allowed_pairs] != normal:
        ports_db.update(tx, port.id, {"allowed_pairs": normal})
