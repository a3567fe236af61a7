"""The OpenStack format: /openstack/<date>/meta_data.json and its neighbours. Pure."""

from __future__ import annotations

import base64
import os
from ipaddress import ip_network
from typing import Any

import msgspec

from iaas.compute.metadata.tree import Tree
from iaas.model.order import InterfaceAddress, Particulars

VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "latest",
)  # fmt: skip
ONLY_SERVED = "password"  # no document: a guest may tell it to the service
# file -> first version that has it; dates and "latest" compare as text
_SINCE = {
    "meta_data.json": "2012-08-10", "user_data": "2012-08-10", ONLY_SERVED: "2013-04-04",
    "vendor_data.json": "2013-10-17", "network_data.json": "2015-10-15", "vendor_data2.json": "2016-10-06",
}  # fmt: skip
SEED_BYTES = 512
_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def documents(guest: Particulars, version: str, seed: bytes | None = None) -> Tree:
    """The files of one version; user_data only when there is any. ``seed``: the random seed to tell, else a new one."""
    files: dict[str, bytes | str] = {"meta_data.json": _json(meta_data(guest, version, seed))}
    if guest.user_data:
        files["user_data"] = base64.b64decode(guest.user_data)
    files[ONLY_SERVED] = ""
    files["vendor_data.json"] = files["vendor_data2.json"] = b"{}"
    files["network_data.json"] = _json(network_data(guest))
    return {name: data for name, data in files.items() if _SINCE[name] <= version}


def meta_data(guest: Particulars, version: str, seed: bytes | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "uuid": guest.server_id,
        "name": guest.name,
        "hostname": guest.hostname,
        "launch_index": guest.launch_index,
        "availability_zone": guest.zone,
    }
    if guest.metadata:
        found["meta"] = guest.metadata
    if guest.key_name and guest.key_data:
        found["public_keys"] = {guest.key_name: guest.key_data}
        if version >= "2013-10-17":
            found["keys"] = [{"name": guest.key_name, "type": "ssh", "data": guest.key_data}]
    if version >= "2013-10-17":
        found["random_seed"] = base64.b64encode(seed or os.urandom(SEED_BYTES)).decode()
    if version >= "2015-10-15":
        found["project_id"] = guest.project_id
    if version >= "2016-06-30":
        found["devices"] = []
    if version >= "2020-10-14":
        found["dedicated_cpus"] = []
    return found


def network_data(guest: Particulars) -> dict[str, Any]:
    """Every interface, its addresses, and for those that nobody gives to the guest all that it needs to set them."""
    links = [
        {"id": nic.tap, "vif_id": nic.port_id, "type": "bridge", "mtu": nic.mtu, "ethernet_mac_address": nic.mac}
        for nic in guest.interfaces
    ]
    networks: list[dict[str, Any]] = []
    services: list[dict[str, str]] = []
    for nic in guest.interfaces:
        for address in nic.addresses:
            version = 6 if ":" in address.ip else 4
            kind = f"ipv{version}_{address.mode}" if address.mode else f"ipv{version}"
            network = {"id": f"network{len(networks)}", "type": kind, "link": nic.tap, "network_id": nic.network_id}
            networks.append(network if address.mode else network | _static(address))
            services += [item for item in _dns(address) if not address.mode and item not in services]
    return {"links": links, "networks": networks, "services": services}


def _static(address: InterfaceAddress) -> dict[str, Any]:
    net = ip_network(address.cidr)
    hops = [(_ANYWHERE[net.version], address.gateway)] if address.gateway else []
    routes = [(ip_network(destination), hop) for destination, hop in (*hops, *address.routes)]
    return {
        "ip_address": address.ip,
        "netmask": str(net.netmask),
        "routes": [{"network": str(to.network_address), "netmask": str(to.netmask), "gateway": hop}
                   for to, hop in routes],
        "services": _dns(address),
    }  # fmt: skip


def _dns(address: InterfaceAddress) -> list[dict[str, str]]:
    return [{"type": "dns", "address": server} for server in address.dns]


_json = msgspec.json.Encoder().encode
