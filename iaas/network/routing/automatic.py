"""Floating IPs that servers get by themselves when they are made, and that go with them (A-098)."""

from __future__ import annotations

from collections.abc import Sequence

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import routers as routers_db
from iaas.model.port import Port
from iaas.model.routing.floating_ip import FloatingIpWish
from iaas.network.routing import floating_ips
from iaas.network.settings import Settings


def give(tx: Tx, settings: Settings, context: Context, server_id: str, ports: Sequence[Port]) -> None:
    """One for the first IPv4 address from which a router leads outside; a server without such gets none. Raises
    QuotaExceeded, and Conflict when the external network has no address left: the server is not made then."""
    for port in ports:
        for fixed in port.fixed_ips:
            outside = None if ":" in fixed.ip else routers_db.external_of(tx, fixed.subnet_id)
            if outside is not None:
                network = networks_db.get(tx, outside)
                wish = FloatingIpWish(port_id=port.id, fixed_ip=fixed.ip)
                floating_ips.create(tx, settings, context, context.owner, network, {}, wish, made_for=server_id)
                return


def take_back(tx: Tx, settings: Settings, server_id: str, ports: Sequence[Port]) -> None:
    """Before the server's ports go. What its owner has led elsewhere meanwhile is the owner's."""
    own = {port.id for port in ports}
    for floating in floating_db.made_for(tx, server_id):
        if floating.port_id in own:
            floating_ips.delete(tx, settings, floating)
