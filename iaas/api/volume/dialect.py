"""How the volume API words its faults. An exceeded quota is 413 here, in the published words."""

from __future__ import annotations

from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Error, QuotaExceeded

ENVELOPES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    406: "notAcceptable",
    409: "conflictingRequest",
    413: "overLimit",
    500: "computeFault",
    501: "notImplemented",
    503: "serviceUnavailable",
}
_STATUS = {**STATUS, "quota_exceeded": 413}


class VolumeDialect:
    """Microversions: up to 3.12 all that changes in the routes that there are is true of them; 3.13 begins groups."""

    name = "volume"
    microversions = Microversions("volume", "3.0", "3.12")

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = _STATUS.get(error.kind, 500)
        return status, {ENVELOPES.get(status, "computeFault"): {"code": status, "message": _words(error)}}


def _words(error: Error) -> str:
    if not isinstance(error, QuotaExceeded):
        return error.message
    limit, used, asked = (error.details.get(name) for name in ("limit", "used", "requested"))
    if error.details.get("resource") == "volumes":
        return f"VolumeLimitExceeded: Maximum number of volumes allowed ({limit}) exceeded for quota 'volumes'."
    if error.details.get("resource") == "snapshots":
        return f"SnapshotLimitExceeded: Maximum number of snapshots allowed ({limit}) exceeded for quota 'snapshots'."
    if error.details.get("resource") == "gigabytes":
        return (
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
            f"Requested {asked}G, quota is {limit}G and {used}G has been consumed."
        )
    return f"VolumeSizeExceedsLimit: Requested volume size {asked}G is larger than maximum allowed limit {limit}G."


DIALECT = VolumeDialect()
