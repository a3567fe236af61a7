"""Where servers go: what the scheduler is asked and answers, and the record of a move from host to host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from iaas.model.flavor import Flavor
from iaas.model.node import Node

# The image properties that say on which hosts a server can run, under all their names.
IMAGE_PROPERTIES = {
    "architecture": "architecture",
    "hw_architecture": "architecture",
    "hypervisor_type": "hypervisor_type",
    "img_hv_type": "hypervisor_type",
    "vm_mode": "vm_mode",
    "hw_vm_mode": "vm_mode",
    "hypervisor_version_requires": "hypervisor_version",
    "img_hv_requested_version": "hypervisor_version",
}

_ARCHITECTURES = {"amd64": "x86_64", "x86-64": "x86_64", "i386": "i686", "i486": "i686", "i586": "i686",
                  "arm64": "aarch64"}  # fmt: skip
_RUNS = {"x86_64": ("x86_64", "i686"), "aarch64": ("aarch64", "armv7l")}  # host -> images
_CONDITION = re.compile(r"\s*(>=|<=|==|!=|=|<|>)?\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*")


@dataclass(frozen=True, kw_only=True)
class Group:
    """The server group of a request at one moment: ``members`` of it have a claim somewhere, the request's own server
    not counted."""

    policy: str
    max_per_host: int
    members: int


@dataclass(frozen=True, kw_only=True)
class PlacementRequest:
    """One server that needs a host. RAM in MiB, disk in GiB (root + ephemeral + swap, rounded up).

    ``alternates``: hosts that an earlier answer named as next best: asked first, without a look at all hosts.
    ``group`` is filled in by the scheduler, from ``group_id``, when it looks.
    """

    operation_id: str
    fence: int
    server_id: str
    project_id: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    availability_zone: str | None = None
    forced_host: str | None = None
    exclude: tuple[str, ...] = ()  # hosts that were tried and failed
    alternates: tuple[str, ...] = ()
    image_properties: dict[str, str] = field(default_factory=dict)  # by the names on the right in IMAGE_PROPERTIES
    extra_specs: dict[str, str] = field(default_factory=dict)  # of the flavor
    group_id: str | None = None
    different_host: tuple[str, ...] = ()  # servers that must not be on the host
    same_host: tuple[str, ...] = ()  # servers of which one must be there
    group: Group | None = None

    @classmethod
    def of(
        cls, flavor: Flavor, image_properties: Mapping[str, str], root: bool = True, **more: Any
    ) -> PlacementRequest:
        """What a server of this flavor from an image with these properties needs; ``root`` False: it boots from a
        volume. ``more`` are the other fields."""
        return cls(
            vcpus=flavor.vcpus,
            ram_mb=flavor.ram_mb,
            disk_gb=flavor.claims(root)["disk_gb"],
            extra_specs=flavor.extra_specs,
            image_properties=asked_of_hosts(image_properties),
            **more,
        )


@dataclass(frozen=True, kw_only=True)
class Placed:
    """``alternates``: the next best hosts, in order, without a claim."""

    host: str
    node: str
    alternates: tuple[str, ...] = ()


RESIZE, COLD, LIVE, EVACUATION = "resize", "migration", "live-migration", "evacuation"
# A live migration in these is under way; the API shows it below its server and lets it be aborted.
UNDER_WAY = ("accepted", "queued", "preparing", "running", "post-migrating")
# finished: of a resize, until it is confirmed or reverted
ENDS = ("finished", "confirmed", "reverted", "completed", "done", "cancelled", "error", "failed")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """The record of a move from host to host, or from flavor to flavor, for the API.

    ``status``: as the compute API words it. ``progress``: bytes by memory_total, memory_processed,
    memory_remaining and the same of disk; empty before a live migration runs.
    """

    id: int
    uuid: str
    server_id: str
    project_id: str
    user_id: str
    operation_id: str
    kind: str
    status: str
    source_host: str
    source_node: str | None
    dest_host: str | None
    dest_node: str | None
    old_flavor_id: str | None
    new_flavor_id: str | None
    created_at: datetime
    updated_at: datetime
    progress: dict[str, int] = field(default_factory=dict)


def asked_of_hosts(image_properties: Mapping[str, str]) -> dict[str, str]:
    """What of an image's properties says on which hosts it can run, by the names on the right in IMAGE_PROPERTIES."""
    named = ((IMAGE_PROPERTIES.get(name), value) for name, value in image_properties.items())
    return {name: value for name, value in named if name}


def misfit(asked: Mapping[str, str], node: Node) -> str | None:
    """Why the host can't run an image that asks this of hosts; None: it can."""
    if wanted := asked.get("architecture"):
        has = _canonical(node.cpu_arch)
        if _canonical(wanted) not in _RUNS.get(has, (has,)):
            return f"the image wants architecture {wanted[:32]}, the host has {has}"
    if wanted := asked.get("hypervisor_type"):
        kind = node.hypervisor_type.lower()
        if wanted.lower() not in ({"kvm", "qemu"} if kind == "kvm" else {kind}):
            return f"the image wants hypervisor {wanted[:32]}, the host has {kind}"
    if (wanted := asked.get("vm_mode")) and wanted.lower() != "hvm":
        return f"the image wants machine mode {wanted[:32]}, the host has hvm"
    if wanted := asked.get("hypervisor_version"):
        return _version(wanted, node.hypervisor_version)
    return None


def _canonical(architecture: str) -> str:
    name = architecture.lower()
    return _ARCHITECTURES.get(name, name)


def _version(wanted: str, has: int) -> str | None:
    """``>=6.0, <8`` against 7002000, which is 7.2.0. What can't be read is met by no host."""
    words = f"the image wants hypervisor version {wanted[:32]}, the host has {has // 10**6}.{has // 1000 % 1000}"
    for part in wanted.split(","):
        match = _CONDITION.fullmatch(part)
        if not match or len(part) > 64:
            return words
        sign, (major, minor, micro) = match[1] or "==", (int(text or 0) for text in match.groups()[1:])
        number = major * 10**6 + minor * 1000 + micro
        met = {"<": has < number, "<=": has <= number, ">": has > number, ">=": has >= number,
               "!=": has != number}.get(sign, has == number)  # fmt: skip
        if not met:
            return words
    return None
