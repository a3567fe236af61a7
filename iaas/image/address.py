"""Which URLs the platform will fetch for a user, and which addresses it will connect to (S-020, S-021). Pure.

A URL is judged by its scheme, port and shape; a host by every address that its name has, however it is written
(2130706433, 0x7f.1, ::ffff:127.0.0.1 are 127.0.0.1). What is not a public unicast address is refused, unless the
operator names its network.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from iaas.errors import Invalid

MAX_URL = 2048
_BAD = re.compile(r"[\x00-\x20\x7f-\uffff\\\U00010000-\U0010ffff]")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# What Python's own judgement lets pass, or let pass in some release: translations of IPv4 into IPv6, relays,
# documentation, benchmarks, what is not yet given out.
_NEVER = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32", "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48",
    "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
    "fec0::/10", "ff00::/8",
)]  # fmt: skip


class Limits(Protocol):
    """Options of [image]."""

    @property
    def web_schemes(self) -> tuple[str, ...]: ...
    @property
    def web_ports(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Target:
    """``path``: with the query; a fragment is not part of a request."""

    scheme: str
    host: str
    port: int
    path: str


def parsed(url: str, limits: Limits) -> Target:
    """What to ask whom for. Raises Invalid for a URL that is not to be fetched; nothing is resolved for it."""
    if not 0 < len(url) <= MAX_URL or _BAD.search(url):
        raise _refused("it is malformed")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise _refused("it is malformed") from None
    if scheme not in limits.web_schemes or scheme not in ("http", "https"):
        raise _refused("its scheme is not allowed")
    if "@" in parts.netloc:
        raise _refused("it has a user name")
    if not _HOST.fullmatch(host):
        raise _refused("its host is malformed")
    port = port if port is not None else {"http": 80, "https": 443}[scheme]
    if str(port) not in limits.web_ports:
        raise _refused("its port is not allowed")
    path = parts.path or "/"
    return Target(scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def allowed(text: str, networks: Iterable[str]) -> bool:
    """Whether a resolved address may be connected to; ``networks``: those that may although they are not public."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if any(address in ipaddress.ip_network(network, strict=False) for network in networks):
        return True
    if any(address in network for network in _NEVER):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _refused(why: str) -> Invalid:
    return Invalid(f"The URL is not fetched: {why}.", field="uri")
