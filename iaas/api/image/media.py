"""What a request says that its body is."""

from __future__ import annotations

from iaas.api.image.access import ImageCall
from iaas.api.image.dialect import UnsupportedMediaType

OCTETS = "application/octet-stream"


def media_type(call: ImageCall, *taken: str, header: str = "Accept") -> str:
    """One of those that are ``taken``. Raises UnsupportedMediaType, whose answer names them in ``header``."""
    found = call.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if found not in taken:
        raise UnsupportedMediaType(f"The Content-Type has to be {taken[0]}.", headers={header: ", ".join(taken)})
    return found
