"""The OpenStack format: /openstack/<date>/meta_data.json and its neighbours. Pure."""

from __future__ import annotations

import base64
import os
from typing import Any

from iaas.api import schema
from iaas.api.metadata.tree import Tree
from iaas.compute.facade import Guest

VERSIONS = (
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27",
    "2020-10-14", "latest",
)  # fmt: skip
# file -> first version that has it; dates and "latest" compare as text
_SINCE = {
    "meta_data.json": "2012-08-10", "user_data": "2012-08-10", "password": "2013-04-04",
    "vendor_data.json": "2013-10-17", "network_data.json": "2015-10-15", "vendor_data2.json": "2016-10-06",
}  # fmt: skip
SEED_BYTES = 512


def documents(guest: Guest, version: str, domain: str) -> Tree:
    """The files of one version; user_data only when there is any."""
    files: dict[str, bytes | str] = {"meta_data.json": schema.encode(meta_data(guest, version, domain))}
    if guest.server.user_data:
        files["user_data"] = base64.b64decode(guest.server.user_data)
    files["password"] = ""
    files["vendor_data.json"] = files["vendor_data2.json"] = b"{}"
    files["network_data.json"] = schema.encode(network_data(guest))
    return {name: data for name, data in files.items() if _SINCE[name] <= version}


def meta_data(guest: Guest, version: str, domain: str) -> dict[str, Any]:
    server = guest.server
    found: dict[str, Any] = {
        "uuid": server.id,
        "name": server.name,
        "hostname": full_hostname(guest, domain),
        "launch_index": server.launch_index,
        "availability_zone": guest.zone,
    }
    if server.metadata:
        found["meta"] = server.metadata
    if server.key_name and server.key_data:
        found["public_keys"] = {server.key_name: server.key_data}
        if version >= "2013-10-17":
            found["keys"] = [{"name": server.key_name, "type": "ssh", "data": server.key_data}]
    if version >= "2013-10-17":
        found["random_seed"] = base64.b64encode(os.urandom(SEED_BYTES)).decode()
    if version >= "2015-10-15":
        found["project_id"] = server.project_id
    if version >= "2016-06-30":
        found["devices"] = []
    if version >= "2020-10-14":
        found["dedicated_cpus"] = []
    return found


def network_data(guest: Guest) -> dict[str, Any]:
    """Every interface, with its addresses by DHCP."""
    links = [
        {"id": nic.tap, "vif_id": nic.port_id, "type": "bridge", "mtu": nic.mtu, "ethernet_mac_address": nic.mac}
        for nic in guest.nics
    ]
    taps = {nic.port_id: nic.tap for nic in guest.nics}
    networks: list[dict[str, Any]] = []
    for port in guest.ports:
        for fixed in port.fixed_ips:
            kind = "ipv6_dhcp" if ":" in fixed.ip else "ipv4_dhcp"
            networks.append({"id": f"network{len(networks)}", "type": kind, "link": taps[port.id],
                             "network_id": port.network_id})  # fmt: skip
    return {"links": links, "networks": networks, "services": []}


def full_hostname(guest: Guest, domain: str) -> str:
    return f"{guest.server.hostname}.{domain}" if domain else guest.server.hostname
