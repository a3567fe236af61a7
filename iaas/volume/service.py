"""What the volume logic works with. Made once by the composition root; holds no state of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.db.engine import Database
from iaas.rpc.conductor import ConductorRpc

ZONE = "nova"
QUOTA_DEFAULTS: Mapping[str, int] = {"volumes": 10, "gigabytes": 1000}


@dataclass(frozen=True, kw_only=True)
class VolumeServices:
    """``quota``: default limits of a project by resource; ``deadline_s``: after it a creation is given up."""

    database: Database
    conductor: ConductorRpc
    quota: Mapping[str, int] = field(default_factory=lambda: QUOTA_DEFAULTS)
    deadline_s: int = 600
