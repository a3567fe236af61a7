"""Addresses that APIs listen on, ``host:port/path``, and the URLs that they make."""

from __future__ import annotations

from iaas.errors import Invalid


def address(listen: str) -> tuple[str, int, str]:
    """``host:port/path`` as its parts; the path without a trailing slash."""
    place, _, path = listen.partition("/")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid(f"{listen!r} is not host:port/path")
    return host, int(port), ("/" + path).rstrip("/")


def url(listen: str, public: str = "") -> str:
    """The URL of what listens there, for catalogs and links."""
    host, port, path = address(listen)
    return f"{public or f'http://{host}:{port}'}{path}"
