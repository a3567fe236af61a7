"""How the identity API words its faults: ``{"error": {"code", "title", "message"}}``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Error

_UNAUTHORIZED = "The request you have made requires authentication."
_UNEXPECTED = "An unexpected error prevented the server from fulfilling your request."
_TITLES = {413: "Request Entity Too Large"}


class IdentityDialect:
    name = "identity"
    microversions: Microversions | None = None

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        """Every 401 is the same, whatever was wrong with the credentials (S-041), unless it is meant to be told."""
        status = STATUS[error.kind]
        title = _TITLES.get(status) or HTTPStatus(status).phrase
        return status, {"error": {"code": status, "title": title, "message": _message(status, error)}}


def _message(status: int, error: Error) -> str:
    details = error.details
    if status == 401:
        return error.message if details.get("told") else _UNAUTHORIZED
    if status == 500:
        return _UNEXPECTED
    if status == 403 and "rule" in details:
        return f"You are not authorized to perform the requested action: {details['rule']}."
    if status == 404 and "id" in details:
        return f"Could not find {str(details.get('resource', 'resource')).replace('_', ' ')}: {details['id']}."
    return error.message


DIALECT = IdentityDialect()
