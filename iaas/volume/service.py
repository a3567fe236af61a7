"""What the volume logic works with: the database, the conductor's doorbell, and its options.

Made once by the composition root; every function of this package takes it first. Holds no state of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.db.engine import Database
from iaas.rpc.conductor import ConductorRpc

ZONE = "nova"
# What the API names and this platform has none of is limited to 0; per_volume_gigabytes is the largest volume.
NOT_OFFERED: Mapping[str, int] = {"snapshots": 0, "backups": 0, "backup_gigabytes": 0, "groups": 0}
QUOTA_DEFAULTS: Mapping[str, int] = {"volumes": 10, "gigabytes": 1000, "per_volume_gigabytes": -1, **NOT_OFFERED}


@dataclass(frozen=True, kw_only=True)
class VolumeServices:
    """``quota``: default limits of a project by resource; ``deadline_s``: after it a creation is given up."""

    database: Database
    conductor: ConductorRpc
    quota: Mapping[str, int] = field(default_factory=lambda: QUOTA_DEFAULTS)
    deadline_s: int = 600
