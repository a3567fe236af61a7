"""Networks: create, change, delete. Whether the caller may is decided above; what is possible is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid
from iaas.model.network import FLAT, LOCAL, Network
from iaas.network import dhcp, doorbells
from iaas.network.settings import Settings

_DEFAULTS: dict[str, Any] = {
    "name": "", "description": "", "admin_state_up": True, "shared": False, "external": False,
    "port_security": True, "kind": LOCAL, "physical_network": None, "segmentation_id": None,
}  # fmt: skip
LEAST_MTU = 68


def create(tx: Tx, settings: Settings, project_id: str, values: Mapping[str, Any]) -> Network:
    """``values``: columns of a network; what is missing has its default. Raises Invalid, Conflict (the physical
    network is taken) or QuotaExceeded."""
    row = {**_DEFAULTS, "mtu": settings.mtu, **values, "project_id": project_id}
    if not row["mtu"]:  # 0 means: what the platform has
        row["mtu"] = settings.mtu
    _check_mtu(settings, row["mtu"])
    row["segment"] = _segment(settings, row)
    quotas.take(tx, project_id, {"networks": 1}, settings.limits)
    return networks_db.get(tx, networks_db.insert(tx, row))


def update(tx: Tx, settings: Settings, network: Network, values: Mapping[str, Any]) -> Network:
    """Raises Invalid, or Conflict for a network that others use and that shall not be shared any more."""
    if "mtu" in values:
        _check_mtu(settings, values["mtu"])
    if values.get("shared") is False and network.shared and ports_db.foreign(tx, network.id, network.project_id):
        raise Conflict(
            f"Unable to reconfigure sharing settings for network {network.id}. Multiple tenants are using it.",
            code="InvalidSharedSetting",
        )
    if values:
        networks_db.update(tx, network.id, values)
        doorbells.network_changed(tx, settings, network.id)
    return networks_db.get(tx, network.id)


def delete(tx: Tx, settings: Settings, network: Network) -> None:
    """With its subnets and its DHCP server. Raises Conflict while ports are on it."""
    networks_db.hold(tx, network.id)
    if ports_db.busy(tx, network.id):
        raise Conflict(
            f"Unable to complete operation on network {network.id}. "
            "There are one or more ports still in use on the network.",
            code="NetworkInUse",
        )
    doorbells.network_changed(tx, settings, network.id)
    dhcp.remove(tx, network.id)
    for subnet in subnets_db.of_network(tx, network.id):
        subnets_db.delete(tx, [subnet.id])
        quotas.give(tx, subnet.project_id, {"subnets": 1})
    networks_db.delete(tx, network.id)
    quotas.give(tx, network.project_id, {"networks": 1})


def _check_mtu(settings: Settings, mtu: int) -> None:
    if not LEAST_MTU <= mtu <= settings.mtu:
        raise Invalid(f"The MTU must be from {LEAST_MTU} to {settings.mtu}.", field="mtu", code="InvalidInput")


def _segment(settings: Settings, row: Mapping[str, Any]) -> str | None:
    """What of the physical world the network takes for itself; None for a network that lives in a host."""
    kind, physical, number = row["kind"], row["physical_network"], row["segmentation_id"]
    if kind == LOCAL:
        if physical is not None or number is not None:
            raise Invalid("A local network has no physical network and no segmentation id.", code="InvalidInput")
        return None
    if kind != FLAT:
        raise Invalid(f"network_type value '{kind}' is not supported", code="InvalidInput")
    if number is not None:
        raise Invalid("segmentation_id prohibited for flat provider network", code="InvalidInput")
    if physical is None:
        raise Invalid("physical_network required for flat provider network", code="InvalidInput")
    if physical not in settings.physical:
        raise Invalid(f"physical_network '{physical}' unknown for flat provider network", code="InvalidInput")
    return f"{FLAT}/{physical}"
