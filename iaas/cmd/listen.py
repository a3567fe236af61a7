"""Addresses that APIs listen on, ``host:port/path``, and the URLs that they make."""

from __future__ import annotations

from iaas.config.sections import Api, Console
from iaas.errors import Invalid

EVERY = ("0.0.0.0", "[::]")  # noqa: S104 - only compared


def address(listen: str) -> tuple[str, int, str]:
    """``host:port/path`` as its parts; the path without a trailing slash."""
    place, _, path = listen.partition("/")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid(f"{listen!r} is not host:port/path")
    return host, int(port), ("/" + path).rstrip("/")


def console_url(api: Api, console: Console) -> str:
    """Where browsers find iaas-console. Raises Invalid if nobody could know it."""
    host, port, path = address(console.listen)
    if console.public_url:
        return f"{console.public_url.rstrip('/')}{path}"
    return f"http://{_reached(api, console.listen, host)}:{port}{path}"


def url(api: Api, service: str) -> str:
    """The URL of one of the APIs, for the catalog and for other daemons. Raises Invalid if nobody could know it."""
    listen = getattr(api, f"{service}_listen")
    host, port, path = address(listen)
    if api.public_url:
        return f"{api.public_url}{path}"
    return f"http://{_reached(api, listen, host)}:{port}{path}"


def _reached(api: Api, listen: str, host: str) -> str:
    if host not in EVERY:
        return host
    if not api.public_host:
        raise Invalid(f"{listen!r} is every address of the host: [api] public_host must say which clients use")
    return api.public_host
