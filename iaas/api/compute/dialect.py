"""How the compute API words its faults: one envelope named after the status, and 409s in its own terms."""

from __future__ import annotations

from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Conflict, Error

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
_STATUS = {**STATUS, "unsupported": 501}


class ComputeDialect:
    """Microversions: everything up to the maximum is true of the routes that there are."""

    name = "compute"
    project_after = "/v2.1"
    microversions = Microversions("compute", "2.1", "2.85", legacy_header="X-OpenStack-Nova-API-Version")

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = _STATUS.get(error.kind, 500)
        return status, {ENVELOPES.get(status, "computeFault"): {"code": status, "message": _words(error)}}


def _words(error: Error) -> str:
    """A refused transition names the attribute that refuses it, as clients have learnt to expect."""
    details = error.details
    if isinstance(error, Conflict) and details.get("resource") == "server" and "event" in details:
        verb = str(details["event"]).partition("_")[0]
        attribute = "task_state" if details.get("task") else "vm_state"
        found = details.get("task") or details.get("state")
        return f"Cannot '{verb}' instance {details['id']} while it is in {attribute} {found}"
    return error.message


DIALECT = ComputeDialect()
