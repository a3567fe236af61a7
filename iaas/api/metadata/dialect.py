"""Faults of the metadata API: guests look at the status only."""

from __future__ import annotations

from typing import Any

from iaas.api.dialect import STATUS
from iaas.api.microversion import Microversions
from iaas.errors import Error


class MetadataDialect:
    name = "metadata"
    microversions: Microversions | None = None

    def fault(self, error: Error) -> tuple[int, dict[str, Any]]:
        status = STATUS.get(error.kind, 500)
        return status, {"error": {"code": status, "message": error.message}}


DIALECT = MetadataDialect()
