"""The EC2 format: /latest/meta-data/…, which older guests and cloud-init still read. Pure."""

from __future__ import annotations

import base64
from typing import Any

from iaas.api.metadata.openstack import full_hostname
from iaas.api.metadata.tree import Tree
from iaas.compute.facade import Guest

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "latest",
)  # fmt: skip


def documents(guest: Guest, domain: str) -> Tree:
    found: dict[str, Any] = {"meta-data": _meta_data(guest, domain)}
    if guest.server.user_data:
        found["user-data"] = base64.b64decode(guest.server.user_data)
    return found


def _meta_data(guest: Guest, domain: str) -> Tree:
    server = guest.server
    first = {address.kind: address.ip for address in reversed(guest.addresses) if address.version == 4}
    hostname = full_hostname(guest, domain)
    found: dict[str, Any] = {
        "ami-id": short("ami", server.image_id or server.id),
        "ami-launch-index": str(server.launch_index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": {"ami": "vda", "root": "/dev/vda"},
        "hostname": hostname,
        "instance-action": "none",
        "instance-id": short("i", server.id),
        "instance-type": server.flavor.name,
        "local-hostname": hostname,
        "local-ipv4": first.get("fixed", ""),
        "placement": {"availability-zone": guest.zone},
        "public-hostname": hostname,
        "public-ipv4": first.get("floating", ""),
        "reservation-id": server.reservation_id,
        "security-groups": "\n".join(guest.groups),
    }
    if server.key_name and server.key_data:
        found["public-keys"] = {"0": {"openssh-key": server.key_data}}
    return dict(sorted(found.items()))


def key_listing(guest: Guest) -> str:
    """``0=name``: the one folder that is not listed by its names."""
    return f"0={guest.server.key_name}"


def short(prefix: str, uuid: str) -> str:
    """The id in EC2's form, ``i-0123abcd``: the same for every daemon, as it is a part of the uuid."""
    return f"{prefix}-{uuid.replace('-', '')[:8]}"
