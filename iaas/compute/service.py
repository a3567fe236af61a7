"""What the compute logic works with: the database, its neighbours' facades, its RPC clients, and its options.

Made once by the composition root; every function of this package takes it first. Holds no state of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iaas.db.engine import Database
from iaas.image.facade import ImageFacade
from iaas.network.facade import NetworkFacade
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from iaas.volume.facade import VolumeFacade

QUOTA_DEFAULTS: Mapping[str, int] = {
    "instances": 10,
    "cores": 20,
    "ram": 51200,
    "fixed_ips": -1,
    "key_pairs": 100,
    "metadata_items": 128,
    "server_groups": 10,
    "server_group_members": 10,
}


@dataclass(frozen=True, kw_only=True)
class Compute:
    """``quota``: default limits of a project by resource; ``deadline_s``: after it an operation is given
    up; ``default_zone``: of hosts that no aggregate puts into a zone; ``console_url``: of iaas-console, for browsers;
    ``auto_floating``: new servers get a floating IP by themselves; ``force_config_drive``: and a config drive.
    """

    database: Database
    image: ImageFacade
    network: NetworkFacade
    volume: VolumeFacade
    conductor: ConductorRpc
    hosts: ComputeRpc
    quota: Mapping[str, int] = field(default_factory=lambda: QUOTA_DEFAULTS)
    deadline_s: int = 600
    default_zone: str = "nova"
    auto_floating: bool = False
    force_config_drive: bool = False
    console_url: str = "http://127.0.0.1:6080"
