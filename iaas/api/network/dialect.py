"""How the network API words a fault: ``{"NeutronError": {"type", "message", "detail"}}``."""

from __future__ import annotations

from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Error

# The "type" of faults that carry no code of their own.
_TYPES = {
    "not_found": "HTTPNotFound",
    "conflict": "Conflict",
    "invalid": "HTTPBadRequest",
    "too_large": "HTTPRequestEntityTooLarge",
    "forbidden": "HTTPForbidden",
    "quota_exceeded": "OverQuota",
    "unavailable": "ServiceUnavailable",
    "timeout": "ServiceUnavailable",
    "unsupported": "HTTPBadRequest",
    "method_not_allowed": "HTTPMethodNotAllowed",
}


class _Network:
    name = "network"
    microversions: Microversions | None = None

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = 409 if error.kind == "quota_exceeded" else STATUS.get(error.kind, 500)
        if status == 401:  # worded by the token check in front of the API, not by the API
            return 401, {"error": {"code": 401, "title": "Unauthorized", "message": error.message}}
        kind, message = _TYPES.get(error.kind, "HTTPInternalServerError"), error.message
        if "rule" in error.details:
            kind, message = "PolicyNotAuthorized", f"rule:{error.details['rule']} is disallowed by policy"
        elif error.kind == "quota_exceeded":
            message = _quota(error)
        body = {"type": str(error.details.get("code", kind)), "message": message, "detail": ""}
        return status, {"NeutronError": body}


def _quota(error: Error) -> str:
    said = error.details
    return (
        f"Quota exceeded for resources: ['{str(said.get('resource', ''))[:-1]}']. The limit is {said.get('limit')}, "
        f"{said.get('used')} in use, {said.get('requested')} requested."
    )


DIALECT = _Network()
