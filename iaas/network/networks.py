"""Networks: create, change, delete. Whether the caller may is decided above; what is possible is decided here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
from iaas.db.network import segments as segments_db
from iaas.db.network import subnets as subnets_db
from iaas.errors import Conflict, Invalid
from iaas.model.network import Network
from iaas.network import dhcp, doorbells, segments
from iaas.network.settings import Settings

_DEFAULTS: dict[str, Any] = {
    "name": "", "description": "", "admin_state_up": True, "shared": False, "external": False, "is_default": False,
    "port_security": True, "kind": None, "physical_network": None, "segmentation_id": None, "mtu": 0,
}  # fmt: skip
LEAST_MTU = 68


def create(tx: Tx, settings: Settings, project_id: str, values: Mapping[str, Any]) -> Network:
    """``values``: columns of a network; what is missing has its default. Raises Invalid, Conflict (the segment is
    taken, or none is left) or QuotaExceeded."""
    row = {**_DEFAULTS, **values, "project_id": project_id}
    row["is_default"] = row["is_default"] and row["external"]  # of other networks it says nothing
    if row["is_default"]:
        _check_default(tx)
    possible = segments.of(settings, row)
    quotas.take(tx, project_id, {"networks": 1}, settings.limits)
    for segment in possible:
        mtu = row["mtu"] or segments.mtu(settings, segment.kind)  # 0 means: what the platform has
        _check_mtu(settings, segment.kind, mtu)
        of_segment = {"kind": segment.kind, "physical_network": segment.physical_network, "mtu": mtu}
        network_id = networks_db.insert(tx, {**row, **of_segment}, segment)
        if network_id is not None:
            return networks_db.get(tx, network_id)
    raise segments_db.exhausted()


def update(tx: Tx, settings: Settings, network: Network, values: Mapping[str, Any]) -> Network:
    """Raises Invalid, or Conflict for a network that others use and that shall not be shared any more, and for a
    second default."""
    values = dict(values)
    if "is_default" in values or values.get("external") is False:
        external = values.get("external", network.external)
        values["is_default"] = external and values.get("is_default", network.is_default)
        if values["is_default"]:
            _check_default(tx, network.id)
    if "mtu" in values:
        _check_mtu(settings, network.kind, values["mtu"])
    if values.get("shared") is False and network.shared and ports_db.foreign(tx, network.id, network.project_id):
        raise Conflict(
            f"Unable to reconfigure sharing settings for network {network.id}. Multiple tenants are using it.",
            code="InvalidSharedSetting",
        )
    if values.get("external") is False and network.external and routers_db.gateway_on(tx, network.id):
        raise Conflict(
            f"External network {network.id} cannot be updated to be made non-external, since it has existing gateway "
            "ports.",
            code="ExternalNetworkInUse",
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


def _check_default(tx: Tx, network_id: str | None = None) -> None:
    """Raises Conflict when another network is the default already."""
    other = networks_db.default_external(tx)
    if other not in (None, network_id):
        raise Conflict(f"A default external network already exists: {other}.", code="DefaultExternalNetworkExists")


def _check_mtu(settings: Settings, kind: str, mtu: int) -> None:
    most = segments.mtu(settings, kind)
    if not LEAST_MTU <= mtu <= most:
        raise Invalid(f"The MTU must be from {LEAST_MTU} to {most}.", field="mtu", code="InvalidInput")
