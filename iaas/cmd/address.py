"""Which of its own addresses a host gives to the others. Found out, so that one configuration file fits every host."""

from __future__ import annotations

import ipaddress
import logging
import socket
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from iaas.errors import Invalid

log = logging.getLogger(__name__)
_PAUSE_S = 2.0


def towards(target: str) -> str:
    """This host's own address on the way to a host (name or address). Raises OSError where there is no way."""
    family, kind, _, _, peer = socket.getaddrinfo(target, 9, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as probe:  # sends nothing: it only asks for the route
        probe.connect(peer)
        found: str = probe.getsockname()[0]
    return found


def on_the_way(urls: Sequence[str]) -> str:
    """Its address on the way to the first of the brokers that there is a way to; empty while there is none."""
    for url in urls:
        try:
            return towards(urlsplit(url).hostname or "127.0.0.1")
        except OSError:
            continue
    return ""


def wait_for_way(urls: Sequence[str]) -> str:
    """As ``on_the_way``; waits for as long as it takes, as a daemon does that starts before its network."""
    while not (found := on_the_way(urls)):
        log.warning("no way leads to a broker of [bus] urls, by name or by route: trying again")
        time.sleep(_PAUSE_S)
    return found


def chosen(wish: str) -> str:
    """An address as it is; for a network such as 10.0.1.0/24 this host's own address in it, so that one file fits
    every host. Raises Invalid."""
    try:
        network = ipaddress.ip_interface(wish).network
        if "/" not in wish:
            return wish
        own = towards(str(network[1]))
    except (ValueError, OSError) as error:
        raise Invalid(f"{wish!r} is no address, and no network that this host is in: {error}") from error
    if ipaddress.ip_address(own) not in network:
        raise Invalid(f"this host has no address in {wish}")
    return own
