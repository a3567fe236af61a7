"""Rejects hosts that can't run the image: another architecture, hypervisor, version of it, or machine mode."""

from __future__ import annotations

import re

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState

_ARCHITECTURES = {"amd64": "x86_64", "x86-64": "x86_64", "i386": "i686", "i486": "i686", "i586": "i686",
                  "arm64": "aarch64"}  # fmt: skip
_RUNS = {"x86_64": ("x86_64", "i686"), "aarch64": ("aarch64", "armv7l")}  # host -> images
_CONDITION = re.compile(r"\s*(>=|<=|==|!=|=|<|>)?\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\s*")


class ImagePropertiesFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        asked, node = request.image_properties, host.node
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


PLUGIN = ImagePropertiesFilter
