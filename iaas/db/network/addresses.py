"""Addresses in use: taken by the uniqueness of (subnet, address) and not by a check (C-15).

A free address costs a bounded number of statements whatever the size of the subnet: a few random tries, then a
look for the lowest gap. Two that want the same address never both get it; the loser looks further.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from ipaddress import ip_address

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.network.listing import claim
from iaas.db.schema.network import ip_allocations
from iaas.model.subnet import Subnet
from iaas.model.wiring import FixedIp

SEARCHED = 2**62  # offsets beyond are not kept: no column holds them, and nobody fills such a subnet
_RANDOM_TRIES = 6
_GAP_TRIES = 64
choose = secrets.randbelow


def take(tx: Tx, subnet: Subnet, ip: str, port_id: str) -> bool:
    """Takes this address; False when another port has it."""
    offset = int(ip_address(ip)) - int(subnet.net.network_address)
    values = {"subnet_id": subnet.id, "ip": str(ip_address(ip)), "port_id": port_id}
    return claim(tx, ip_allocations, {**values, "offset": offset if offset < SEARCHED else None})


def take_any(tx: Tx, subnet: Subnet, port_id: str) -> str | None:
    """Takes an address of the pools; None when none is free. Raises TryAgain in a great crowd."""
    pools = [(low, min(high, SEARCHED - 1)) for low, high in subnet.pool_offsets if low < SEARCHED]
    total = sum(high - low + 1 for low, high in pools)
    for _ in range(_RANDOM_TRIES if total else 0):
        ip = _nth(subnet, pools, choose(total))
        if take(tx, subnet, ip, port_id):
            return ip
    for low, high in pools:
        for _ in range(_GAP_TRIES):
            offset = _gap(tx, subnet.id, low, high)
            if offset is None:
                break
            ip = _at(subnet, offset)
            if take(tx, subnet, ip, port_id):
                return ip
        else:
            raise TryAgain("Too many requests for addresses of one subnet at once.")
    return None


def give(tx: Tx, port_id: str, ips: Iterable[FixedIp]) -> None:
    for fixed in ips:
        where = (ip_allocations.c.subnet_id == fixed.subnet_id) & (ip_allocations.c.ip == fixed.ip)
        tx.delete(ip_allocations, where & (ip_allocations.c.port_id == port_id))


def _at(subnet: Subnet, offset: int) -> str:
    return str(subnet.net.network_address + offset)


def _nth(subnet: Subnet, pools: list[tuple[int, int]], n: int) -> str:
    for low, high in pools:
        if n <= high - low:
            return _at(subnet, low + n)
        n -= high - low + 1
    raise AssertionError("n is within the pools")


def _gap(tx: Tx, subnet_id: str, low: int, high: int) -> int | None:
    """The lowest free offset of a pool; None when it is full."""
    used, after = ip_allocations.alias("used"), ip_allocations.alias("after")
    first = sa.select(used.c.offset).where(used.c.subnet_id == subnet_id, used.c.offset == low)
    if tx.scalar(first) is None:
        return low
    query = sa.select(sa.func.min(used.c.offset) + 1).where(
        used.c.subnet_id == subnet_id,
        used.c.offset >= low,
        used.c.offset < high,
        ~sa.exists().where(after.c.subnet_id == subnet_id, after.c.offset == used.c.offset + 1),
    )
    found: int | None = tx.scalar(query)
    return found
