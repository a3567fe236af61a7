"""Rejects hosts without enough vCPUs left to promise, and those with fewer CPUs than one server wants."""

from __future__ import annotations

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState


class VcpuFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        if request.vcpus > host.node.vcpus:
            return f"{request.vcpus} vCPUs wanted, the host has {host.node.vcpus} CPUs"
        if request.vcpus > host.free_vcpus:
            return f"{request.vcpus} vCPUs wanted, {host.free_vcpus} of {host.capacity.vcpus} free"
        return None


PLUGIN = VcpuFilter
