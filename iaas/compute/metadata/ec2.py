"""The EC2 format: /latest/meta-data/…, which older guests and cloud-init still read. Pure."""

from __future__ import annotations

import base64
from typing import Any

from iaas.compute.metadata.tree import Tree
from iaas.model.order import Particulars

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01",
    "2009-04-04", "latest",
)  # fmt: skip


def documents(guest: Particulars) -> Tree:
    found: dict[str, Any] = {"meta-data": _meta_data(guest)}
    if guest.user_data:
        found["user-data"] = base64.b64decode(guest.user_data)
    return found


def _meta_data(guest: Particulars) -> Tree:
    first = {address.kind: address.ip for address in reversed(guest.addresses) if address.version == 4}
    found: dict[str, Any] = {
        "ami-id": short("ami", guest.image_id or guest.server_id),
        "ami-launch-index": str(guest.launch_index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": {"ami": "vda", "root": "/dev/vda"},
        "hostname": guest.hostname,
        "instance-action": "none",
        "instance-id": short("i", guest.server_id),
        "instance-type": guest.flavor,
        "local-hostname": guest.hostname,
        "local-ipv4": first.get("fixed", ""),
        "placement": {"availability-zone": guest.zone},
        "public-hostname": guest.hostname,
        "public-ipv4": first.get("floating", ""),
        "reservation-id": guest.reservation_id,
        "security-groups": "\n".join(guest.groups),
    }
    if guest.key_name and guest.key_data:
        found["public-keys"] = {"0": {"openssh-key": guest.key_data}}
    return dict(sorted(found.items()))


def key_listing(guest: Particulars) -> str:
    """``0=name``: the one folder that is not listed by its names."""
    return f"0={guest.key_name}"


def short(prefix: str, uuid: str) -> str:
    """The id in EC2's form, ``i-0123abcd``: the same for every daemon, as it is a part of the uuid."""
    return f"{prefix}-{uuid.replace('-', '')[:8]}"
