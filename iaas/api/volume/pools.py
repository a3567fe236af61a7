"""scheduler-stats/get_pools: what the volume hosts offer, and what of it is promised."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import as_bool
from iaas.api.volume import paths
from iaas.db.volume import backends
from iaas.model.volume import Pool
from iaas.volume.service import VolumeServices


def list_pools(call: Call[VolumeServices]) -> dict[str, Any]:
    """``detail``: with the numbers."""
    detail = as_bool(call.query.get("detail", "false"))
    with call.services.database.read() as tx:
        return {"pools": [_shown(pool, detail) for pool in backends.all_of(tx)]}


def _shown(pool: Pool, detail: bool) -> dict[str, Any]:
    if not detail:
        return {"name": pool.host}
    numbers = {
        "total_capacity_gb": pool.total_gb,
        "free_capacity_gb": pool.free_gb,
        "allocated_capacity_gb": pool.used_gb,
        "provisioned_capacity_gb": pool.used_gb,
        "max_over_subscription_ratio": "1.0",
        "reserved_percentage": 0,
        "thin_provisioning_support": True,
        "multiattach": True,
        "QoS_support": False,
        "driver_version": "1.0",
        "storage_protocol": "nbd",
        "vendor_name": "iaas",
        "volume_backend_name": pool.host,
    }
    return {"name": pool.host, "capabilities": numbers}


_POOLS = Rule("scheduler_extension:scheduler_stats:get_pools", ADMIN)
ROUTES = paths.both(Route("GET", "/scheduler-stats/get_pools", list_pools, policy=_POOLS))
