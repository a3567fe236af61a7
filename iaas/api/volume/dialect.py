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
_STATUS = {**STATUS, "unsupported": 501, "quota_exceeded": 413}


class VolumeDialect:
    name = "volume"
    microversions = Microversions("volume", "3.0", "3.0")

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = _STATUS.get(error.kind, 500)
        return status, {ENVELOPES.get(status, "computeFault"): {"code": status, "message": _words(error)}}


def _words(error: Error) -> str:
    if not isinstance(error, QuotaExceeded):
        return error.message
    details = error.details
    if details.get("resource") == "volumes":
        return (
            f"VolumeLimitExceeded: Maximum number of volumes allowed ({details['limit']}) exceeded for quota 'volumes'."
        )
    return (
        "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested "
        f"{details.get('requested')}G, quota is {details.get('limit')}G and {details.get('used')}G has been consumed."
    )


DIALECT = VolumeDialect()
