"""What the kernel's network tables hold, asked over netlink: links, addresses, routes, neighbours, the generation of
the nft rules. Looks only, and only at the namespace of the calling thread; knows no network of ours.

Changes are made by ``ip -batch`` and ``nft -f`` (docs/decisions/0008). A look happens every few seconds over everything
that is on a host, so it starts no process and does not depend on which /sys is mounted.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from iaas.errors import Internal

ROUTE, NETFILTER = 0, 12  # netlink protocols
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300
_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the table changed meanwhile
_ERROR, _DONE = 2, 3
_TRIES, _SECONDS, _BUFFER = 10, 5.0, 1 << 18
_GETLINK, _GETADDR, _GETROUTE, _GETNEIGH, _GETGEN = 18, 22, 26, 30, 10 << 8 | 16
BRIDGE_FAMILY = 7
NTF_SELF, NTF_MASTER = 0x02, 0x04
NUD_NOARP, NUD_PERMANENT = 0x40, 0x80


@dataclass(frozen=True, kw_only=True)
class Link:
    """A device. ``master`` and ``peer`` are indexes, 0 for none; ``details`` are the attributes of its kind, ``slave``
    those of its membership in a bridge, raw by number."""

    index: int
    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    promiscuous: bool
    master: int
    peer: int
    details: dict[int, bytes] = field(default_factory=dict)
    slave: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """An entry of a neighbour table or, of the bridge family, of a forwarding table. ``ip``: of the neighbour, or the
    far end of a tunnel; "" for none. ``master``: index of the bridge whose table it is in."""

    index: int
    master: int
    mac: str
    ip: str
    state: int
    flags: int


@dataclass(frozen=True, kw_only=True)
class Route:
    """Of the main table. ``destination`` is a network in text, ``hop`` "" for one without a gateway."""

    index: int
    destination: str
    hop: str


def links() -> dict[str, Link]:
    """Every device by its name."""
    found = {}
    for body, attributes in _dump(_GETLINK, struct.pack("16x")):
        index, flags = struct.unpack_from("=4xiI", body)
        info = dict(parse(attributes.get(18, b"")))
        name = attributes[3].rstrip(b"\0").decode()
        found[name] = Link(
            index=index, name=name, kind=info.get(1, b"").rstrip(b"\0").decode(),
            mac=attributes.get(1, b"").hex(":"), mtu=_number(attributes.get(4)), up=bool(flags & 1),
            promiscuous=bool(flags & 0x100), master=_number(attributes.get(10)), peer=_number(attributes.get(5)),
            details=dict(parse(info.get(2, b""))), slave=dict(parse(info.get(5, b""))),
        )  # fmt: skip
    return found


def neighbours(family: int) -> list[Neighbour]:
    """``family``: AF_INET, AF_INET6 or BRIDGE_FAMILY."""
    found = []
    for body, attributes in _dump(_GETNEIGH, struct.pack("=B11x", family)):
        index, state, flags = struct.unpack_from("=4xiHB", body)
        ip = attributes.get(1)
        found.append(
            Neighbour(
                index=index, mac=attributes.get(2, b"").hex(":"), ip=str(ip_address(ip)) if ip else "", state=state,
                flags=flags, master=_number(attributes.get(9)),
            )
        )  # fmt: skip
    return found


def addresses() -> list[tuple[int, str]]:
    """(index of the device, address/prefix length) of both families, without link-local IPv6."""
    found = []
    for body, attributes in _dump(_GETADDR, struct.pack("8x")):
        length, index = struct.unpack_from("=xB2xI", body)
        address = ip_address(attributes.get(2) or attributes[1])  # IFA_LOCAL, which IPv6 does not have
        if not (address.version == 6 and address.is_link_local):
            found.append((index, f"{address}/{length}"))
    return found


def routes() -> list[Route]:
    """IPv4 routes of the main table."""
    found = []
    for body, attributes in _dump(_GETROUTE, struct.pack("=B11x", socket.AF_INET)):
        length, table, kind = struct.unpack_from("=xB2xB2xB", body)
        if table == 254 and kind == 1:
            destination = ip_address(attributes[1]) if 1 in attributes else "0.0.0.0"  # noqa: S104 - a destination
            hop = str(ip_address(attributes[5])) if 5 in attributes else ""
            found.append(
                Route(index=_number(attributes.get(4)), destination=f"{destination}/{length}", hop=hop)
            )  # fmt: skip
    return found


def ruleset_generation() -> int:
    """A number that every change of the namespace's nft rules raises."""
    for _, payload in exchange(NETFILTER, _GETGEN, REQUEST, struct.pack("4x"), until_done=False):
        return int.from_bytes(dict(parse(payload[4:]))[1], "big")
    raise Internal("the kernel tells no generation of its nft rules")


def parse(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of netlink attributes."""
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            return
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3


def attribute(kind: int, value: bytes) -> bytes:
    """One netlink attribute with its padding."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def exchange(protocol: int, kind: int, flags: int, body: bytes, until_done: bool = True) -> list[tuple[int, bytes]]:
    """Sends one message; (type, payload) of every answer. Raises OSError with the kernel's errno, Internal when a
    table never stands still or the kernel is silent."""
    for _ in range(_TRIES):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol) as talk:
            talk.settimeout(_SECONDS)
            talk.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body)
            try:
                answers = _receive(talk, until_done)
            except TimeoutError:
                raise Internal("the kernel does not answer over netlink") from None
            if answers is not None:
                return answers
    raise Internal("a kernel table changes all the time")


def _receive(talk: socket.socket, until_done: bool) -> list[tuple[int, bytes]] | None:
    """None: the table changed while it was told."""
    answers: list[tuple[int, bytes]] = []
    while True:
        data, at = talk.recv(_BUFFER), 0
        while at + 16 <= len(data):
            length, kind, flags = struct.unpack_from("=IHH", data, at)
            payload = data[at + 16 : at + length]
            if kind == _ERROR:
                code = -struct.unpack_from("=i", payload)[0]
                if code:
                    raise OSError(code, os.strerror(code) if code in errno.errorcode else str(code))
                return answers
            if flags & _INTERRUPTED:
                return None
            if kind == _DONE:
                return answers
            answers.append((kind, payload))
            at += (length + 3) & ~3
        if not until_done and answers:
            return answers


def _dump(kind: int, header: bytes) -> Iterator[tuple[bytes, dict[int, bytes]]]:
    """(fixed header, attributes) of every entry. The header of a kind has one length in question and answer."""
    for _, payload in exchange(ROUTE, kind, REQUEST | DUMP, header):
        yield payload[: len(header)], dict(parse(payload[len(header) :]))


def _number(value: bytes | None) -> int:
    return int.from_bytes(value or b"", sys.byteorder)
