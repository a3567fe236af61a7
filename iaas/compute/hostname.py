"""A host name for a guest, made from the free text that is a server's name. Pure."""

from __future__ import annotations

import re

_SEPARATOR = re.compile(r"[ _.]")
_FORBIDDEN = re.compile(r"[^a-z0-9-]+")


def of(name: str, server_id: str) -> str:
    """A DNS label (RFC 1123): small letters, digits and dashes, 63 at most; ``server-<id>`` when nothing
    is left.
    """
    label = _FORBIDDEN.sub("", _SEPARATOR.sub("-", name.lower())).strip("-")[:63].strip("-")
    return label or f"server-{server_id}"
