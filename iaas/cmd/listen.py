"""Addresses that APIs listen on, ``host:port/path``, and the URLs that they make."""

from __future__ import annotations

from iaas.config.sections import Api
from iaas.errors import Invalid

EVERY = ("0.0.0.0", "[::]")  # noqa: S104 - only compared


def address(listen: str) -> tuple[str, int, str]:
    """``host:port/path`` as its parts; the path without a trailing slash."""
    place, _, path = listen.partition("/")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid(f"{listen!r} is not host:port/path")
    return host, int(port), ("/" + path).rstrip("/")


def url(api: Api, service: str) -> str:
    """The URL of one of the APIs, for the catalog and for other daemons. Raises Invalid if nobody could know it."""
    listen = getattr(api, f"{service}_listen")
    host, port, path = address(listen)
    if api.public_url:
        return f"{api.public_url}{path}"
    if host in EVERY:
        host = api.public_host
        if not host:
            raise Invalid(f"{listen!r} is every address of the host: [api] public_host must say which clients use")
    return f"http://{host}:{port}{path}"
