"""How qemu-img is run: the only place that does, so that no call can lack a format or a limit (S-013, S-014, S-131).

Never by a shell, never with a format that it may guess, paths behind ``--``; CPU, memory, file size, open files and
time are bounded by the kernel before its first instruction. What untrusted bytes it opens was judged before: see
``qemu_img.Inspected``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from iaas import errors
from iaas.host.exec import Limits, Result, Runner

_DRIVERS = frozenset({"raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx"})
_OPEN_FILES = 64


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """``timeout``: seconds by the clock."""

    timeout: float
    limits: Limits


LOOK = Bounds(timeout=20, limits=Limits(address_space=300 << 20, cpu_seconds=8))


def copying(size: int, *, timeout: float, cpu_seconds: int) -> Bounds:
    """For a disk of ``size`` bytes: the copy can't grow over it, but for the tables that qcow2 adds (S-012)."""
    limits = Limits(address_space=2 << 30, cpu_seconds=cpu_seconds, file_size=_largest(size))
    return Bounds(timeout=timeout, limits=limits)


def making(size: int) -> Bounds:
    """For an empty disk of ``size`` bytes, or one that grows to them."""
    return Bounds(timeout=60, limits=Limits(address_space=1 << 30, cpu_seconds=10, file_size=_largest(size)))


def _largest(size: int) -> int:
    return size + size // 512 + (1 << 24)


def qemu_img(
    runner: Runner,
    verb: Literal["info", "create", "resize", "convert"],
    format: str | None,
    *paths: Path | str,
    bounds: Bounds,
    options: Sequence[str] = (),
    tick: Callable[[], None] | None = None,
) -> Result:
    """``format``: QEMU's driver for the file that is opened or made; None where the operand is no file but image
    options, which say their driver. ``paths``: operands of the verb, in its order. ``tick`` as in Runner.run.

    Raises CommandFailed, Timeout, Internal for an unknown format, and what ``tick`` raises.
    """
    if (format is None and not str(paths[0]).startswith("driver=")) or (format is not None and format not in _DRIVERS):
        raise errors.Internal("qemu-img is to be told what it opens")
    told = ["-f", format] if format is not None else ["--image-opts"]
    quiet = [] if verb == "info" else ["-q"]
    limits = replace(bounds.limits, open_files=_OPEN_FILES)
    command = ["qemu-img", verb, *quiet, *told, *options, "--", *(str(path) for path in paths)]
    return runner.run(command, timeout=bounds.timeout, limits=limits, tick=tick)
