"""How one API words its faults: the only place where error kinds become HTTP statuses and envelopes."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from iaas.api.microversion import Microversions
from iaas.errors import Error

STATUS = {
    "not_found": 404,
    "conflict": 409,
    "invalid": 400,
    "too_large": 413,
    "forbidden": 403,
    "unauthenticated": 401,
    "quota_exceeded": 403,
    "no_valid_host": 500,
    "unavailable": 503,
    "timeout": 503,
    "unsupported": 400,
    "internal": 500,
    "not_acceptable": 406,
    "method_not_allowed": 405,
}


class Dialect(Protocol):
    """One per API, in ``iaas/api/<service>/dialect.py``, as a module-level ``DIALECT``."""

    @property
    def name(self) -> str:
        """The daemon's word for this API: "compute"."""

    @property
    def microversions(self) -> Microversions | None:
        """None for an API without them."""

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        """Status and JSON body for an error of any kind (also 401, 404 of unknown paths, 405)."""


@runtime_checkable
class Pages(Protocol):
    """A dialect that words its faults as a page for clients that did not ask for JSON."""

    def page(self, status: int, body: dict[str, Any]) -> str:
        """HTML of the fault that ``Dialect.fault`` gave. What comes from the client is escaped in it."""


def wants_page(accept: str | None) -> bool:
    """Whether a request takes anything, or asks for HTML, but does not ask for JSON."""
    return accept is not None and "json" not in accept.lower() and ("*/*" in accept or "text/" in accept.lower())
