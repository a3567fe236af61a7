"""A flavor: the virtual hardware template of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Flavor:
    """RAM and swap in MiB, disks in GiB; ``disk_gb`` 0 means: as large as the image's disk."""

    id: str
    name: str
    description: str | None = None
    ram_mb: int
    disk_gb: int
    ephemeral_gb: int = 0
    swap_mb: int = 0
    vcpus: int
    rxtx_factor: float = 1.0
    is_public: bool = True
    disabled: bool = False
    extra_specs: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None

    def claims(self, root: bool) -> dict[str, int]:
        """What a server of this flavor takes of its host: vcpus, ram_mb, disk_gb (swap rounded up); ``root`` False: its
        root disk is a volume, which lies elsewhere."""
        disk_gb = self.disk_gb * root + self.ephemeral_gb + -(-self.swap_mb // 1024)
        return {"vcpus": self.vcpus, "ram_mb": self.ram_mb, "disk_gb": disk_gb}

    def local_devices(self, root: bool) -> tuple[str, ...]:
        """The device names of the disks on the host; ``root`` False: the root disk, vda, is a volume."""
        further = bool(self.ephemeral_gb) + bool(self.swap_mb)
        return (*(("vda",) if root else ()), *("vdb", "vdc")[:further])
