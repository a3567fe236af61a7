"""What the volume logic works with: the database, the conductor's doorbell, images, and its options.

Made once by the composition root; every function of this package takes it first. Holds no state of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.config.sections import Quota
from iaas.db.engine import Database
from iaas.image.facade import ImageFacade
from iaas.rpc.conductor import ConductorRpc

ZONE = "nova"
# What the API names and this platform has none of is limited to 0; per_volume_gigabytes is the largest volume.
NOT_OFFERED: Mapping[str, int] = {"backups": 0, "backup_gigabytes": 0, "groups": 0}
QUOTA_DEFAULTS: Mapping[str, int] = {
    "volumes": 10, "snapshots": 10, "gigabytes": 1000, "per_volume_gigabytes": -1, **NOT_OFFERED,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VolumeServices:
    """``quota``: default limits of a project by resource; ``deadline_s``: after it a creation is given up."""

    database: Database
    conductor: ConductorRpc
    image: ImageFacade = field(default_factory=ImageFacade)
    quota: Mapping[str, int] = field(default_factory=lambda: QUOTA_DEFAULTS)
    deadline_s: int = 600

    @classmethod
    def of(cls, database: Database, conductor: ConductorRpc, quota: Quota, deadline_s: int) -> VolumeServices:
        limits = {name: getattr(quota, name) for name in ("volumes", "snapshots", "gigabytes")}
        return cls(database=database, conductor=conductor, quota={**QUOTA_DEFAULTS, **limits}, deadline_s=deadline_s)
