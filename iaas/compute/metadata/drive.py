"""The files of a config drive: what the metadata API answers, each answer a file. Pure."""

from __future__ import annotations

import os

import msgspec

from iaas.compute.metadata import ec2, openstack
from iaas.model.order import Particulars

LABEL = "config-2"  # by which guests find the drive
_EC2 = ("2009-04-04", "latest")  # of EC2's versions the published drive has these


def files(guest: Particulars) -> dict[str, bytes]:
    """The content by path, as published: ``openstack/<version>/…``, ``ec2/<version>/…``. The same seed in all."""
    seed, found = os.urandom(openstack.SEED_BYTES), dict[str, bytes]()
    for version in openstack.VERSIONS:
        for name, data in openstack.documents(guest, version, seed).items():
            if name != openstack.ONLY_SERVED:
                assert isinstance(data, bytes)
                found[f"openstack/{version}/{name}"] = data
    documents = ec2.documents(guest)
    for version in _EC2:
        found[f"ec2/{version}/meta-data.json"] = msgspec.json.encode(documents["meta-data"])
        user_data = documents.get("user-data")
        if isinstance(user_data, bytes):
            found[f"ec2/{version}/user-data"] = user_data
    return found
