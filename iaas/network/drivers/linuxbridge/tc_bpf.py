"""802.1Q without the kernel's 8021q: two tiny eBPF programs on the ingress of devices (tc, clsact).

``untag`` sits on the trunk: a frame with its tag loses it and goes out at a device; others go on as they came. ``tag``
sits on that device's end: everything that comes gets the tag and goes out at the trunk. A few instructions each,
assembled here; a program is handed over as a file descriptor, which the ``tc`` command can't do, hence the netlink
messages. The filter's name says what it does, so that a look at the names is enough.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from iaas.errors import Internal
from iaas.host import netlink
from iaas.host.netlink import ACK, DUMP, REQUEST, ROUTE, attribute

_BPF = {"x86_64": 321, "aarch64": 280}  # the number of bpf(2)
_PROG_LOAD, _SCHED_CLS = 5, 3
_NEWQDISC, _NEWTFILTER, _DELTFILTER, _GETTFILTER = 36, 44, 45, 46
_CREATE, _EXCLUSIVE = 0x400, 0x200
_CLSACT, _INGRESS = 0xFFFFFFF1, 0xFFFFFFF2
_ALL_PROTOCOLS = 0x0300  # ETH_P_ALL in network order
_KIND, _OPTIONS = 1, 2  # TCA_…
_FD, _NAME, _FLAGS = 6, 7, 8  # TCA_BPF_…
_DIRECT = 1  # the program's result is the verdict
# instructions and helpers
_MOVE, _SET, _AND, _JUMP_NOT, _JUMP_IF, _LOAD, _CALL, _EXIT = 0xBF, 0xB7, 0x57, 0x55, 0x15, 0x61, 0x85, 0x95
_VLAN_PUSH, _VLAN_POP, _REDIRECT = 18, 19, 23
_VLAN_PRESENT, _VLAN_TCI = 20, 24  # offsets in struct __sk_buff
_8021Q = 0x0081  # network order
_GO_ON = -1  # TC_ACT_UNSPEC


def untag_name(vid: int, to: int) -> str:
    return f"iaas-untag-{vid}-to-{to}"


def tag_name(vid: int, to: int) -> str:
    return f"iaas-tag-{vid}-to-{to}"


def filters(device: int) -> dict[int, str]:
    """Priority -> name of the eBPF filters on the device's ingress; none on a device that has no such queue."""
    body = struct.pack("=BxxxiIII", 0, device, 0, _INGRESS, 0)
    found = {}
    try:
        answers = netlink.exchange(ROUTE, _GETTFILTER, REQUEST | DUMP, body)
    except OSError as error:
        if error.errno in (errno.ENODEV, errno.EINVAL, errno.ENOENT):
            return {}
        raise
    for _, payload in answers:
        attributes = dict(netlink.parse(payload[20:]))
        options = dict(netlink.parse(attributes.get(_OPTIONS, b"")))
        if attributes.get(_KIND) == b"bpf\0" and _NAME in options:
            found[struct.unpack_from("=16xI", payload)[0] >> 16] = options[_NAME].rstrip(b"\0").decode()
    return found


def attach_untag(trunk: int, vid: int, to: int) -> None:
    """``trunk`` and ``to`` are device numbers. Replaces what is at the VLAN's priority there. Raises Internal."""
    _attach(trunk, vid, _untag(vid, to), untag_name(vid, to))


def attach_tag(device: int, vid: int, to: int) -> None:
    """As ``attach_untag``, at priority 1."""
    _attach(device, 1, _tag(vid, to), tag_name(vid, to))


def detach(device: int, priority: int) -> None:
    """Harmless when nothing is there."""
    body = struct.pack("=BxxxiIII", 0, device, 0, _INGRESS, priority << 16 | _ALL_PROTOCOLS)
    _change(_DELTFILTER, 0, body, harmless=(errno.ENOENT, errno.EINVAL, errno.ENODEV))


def _attach(device: int, priority: int, code: bytes, name: str) -> None:
    queue = struct.pack("=BxxxiIII", 0, device, 0xFFFF0000, _CLSACT, 0) + attribute(_KIND, b"clsact\0")
    _change(_NEWQDISC, _CREATE | _EXCLUSIVE, queue, harmless=(errno.EEXIST,))
    detach(device, priority)
    program = _load(code)
    try:
        options = attribute(_FD, struct.pack("=I", program)) + attribute(_NAME, name.encode() + b"\0")
        body = struct.pack("=BxxxiIII", 0, device, 1, _INGRESS, priority << 16 | _ALL_PROTOCOLS)
        body += attribute(_KIND, b"bpf\0") + attribute(
            _OPTIONS, options + attribute(_FLAGS, struct.pack("=I", _DIRECT))
        )
        _change(_NEWTFILTER, _CREATE | _EXCLUSIVE, body)
    finally:
        os.close(program)


def _change(kind: int, flags: int, body: bytes, harmless: tuple[int, ...] = ()) -> None:
    try:
        netlink.exchange(ROUTE, kind, REQUEST | ACK | flags, body)
    except OSError as error:
        if error.errno not in harmless:
            raise Internal(f"tc filter: {error.strerror}") from error


def _load(code: bytes) -> int:
    """The program's file descriptor."""
    number = _BPF.get(platform.machine())
    if number is None:
        raise Internal(f"eBPF on {platform.machine()} is not known here, and the kernel has no 8021q")
    libc = ctypes.CDLL(None, use_errno=True)
    instructions, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    words = ctypes.create_string_buffer(16384)
    request = struct.pack(
        "=IIQQIIQ", _SCHED_CLS, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(licence),
        1, len(words), ctypes.addressof(words),
    )  # fmt: skip
    request = request.ljust(128, b"\0")
    program = int(libc.syscall(number, _PROG_LOAD, ctypes.create_string_buffer(request, len(request)), len(request)))
    if program < 0:
        why = words.value.decode(errors="replace").strip() or os.strerror(ctypes.get_errno())
        raise Internal(f"eBPF program refused: {why[-500:]}")
    os.set_inheritable(program, False)
    return program


def _untag(vid: int, to: int) -> bytes:
    go_on = 12  # the index of the instructions that let a frame go on
    return b"".join(
        [
            _op(_MOVE, 6, 1),
            _op(_LOAD, 2, 6, _VLAN_PRESENT),
            _op(_JUMP_IF, 2, 0, go_on - 3, 0),
            _op(_LOAD, 2, 6, _VLAN_TCI),
            _op(_AND, 2, 0, 0, 0xFFF),
            _op(_JUMP_NOT, 2, 0, go_on - 6, vid),
            _op(_MOVE, 1, 6),
            _op(_CALL, value=_VLAN_POP),
            *_redirect(to),
            _op(_SET, 0, 0, 0, _GO_ON),
            _op(_EXIT),
        ]
    )


def _tag(vid: int, to: int) -> bytes:
    push = [_op(_MOVE, 6, 1), _op(_SET, 2, 0, 0, _8021Q), _op(_SET, 3, 0, 0, vid), _op(_CALL, value=_VLAN_PUSH)]
    return b"".join([*push, *_redirect(to)])


def _redirect(to: int) -> list[bytes]:
    return [_op(_SET, 1, 0, 0, to), _op(_SET, 2), _op(_CALL, value=_REDIRECT), _op(_EXIT)]


def _op(code: int, to: int = 0, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("<BBhi", code, to | source << 4, offset, value)
