"""A compute host as the scheduler and the hypervisor API see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LATELY = timedelta(minutes=10)  # how long a failed build counts against a host


@dataclass(frozen=True, kw_only=True)
class Node:
    """RAM in MiB, disk in GiB, before overcommit. ``used`` is what is claimed, not what is measured (I-07)."""

    id: str
    host: str
    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    cpu_arch: str
    host_ip: str
    vcpus: int
    ram_mb: int
    disk_gb: int
    vcpus_used: int
    ram_mb_used: int
    disk_gb_used: int
    servers: int
    failed_builds: int
    failed_at: datetime | None  # the last of them
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What may be promised of a node: the amounts with the overcommit ratios applied."""

    vcpus: int
    ram_mb: int
    disk_gb: int


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """What a server has claimed on a host, and by which operation."""

    server_id: str
    host: str
    operation_id: str
    vcpus: int
    ram_mb: int
    disk_gb: int
