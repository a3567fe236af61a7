"""Named points in a flow where a test can kill, delay or fail the process. Free when nothing is armed.

Arming: the environment variable IAAS_FAILPOINTS, or ``arm()`` in a test, with items like
``build.after_disk=kill`` separated by commas. Actions: ``kill`` (SIGKILL of this process), ``crash`` (raises
Crash, which in-process tests take for the death of the daemon), ``error:TEXT`` (raises OSError),
``pause:SECONDS``. ``name=action*N`` fires N times, then disarms itself; without ``*N`` it fires once.
The names are collected from the source by ``points()``, so coverage is a number (RELIABILITY B3).
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path


class Crash(BaseException):
    """The simulated death of a daemon. A BaseException, so that no ``except Exception`` survives it."""


_ITEM = re.compile(r"([\w.]+)=(kill|crash|error:[^*]*|pause:[0-9.]+)(?:\*([1-9][0-9]*))?")
_armed: dict[str, tuple[str, int]] = {}
_lock = threading.Lock()


def hit(name: str) -> None:
    """Marks the point ``name``; does nothing unless a test armed it."""
    if _armed:
        _fire(name)


def arm(spec: str) -> None:
    """Arms the items of a specification in addition to those already armed. Raises ValueError, and arms none, when one
    of them is malformed: a test with a mistyped point would pass."""
    wanted = {}
    for item in filter(None, (part.strip() for part in spec.split(","))):
        match = _ITEM.fullmatch(item)
        if not match:
            raise ValueError(f"failpoint {item!r} is not name=kill, crash, error:TEXT or pause:SECONDS, with *N or not")
        wanted[match[1]] = (match[2], int(match[3] or 1))
    with _lock:
        _armed.update(wanted)


def disarm() -> None:
    with _lock:
        _armed.clear()


def armed() -> set[str]:
    """The points that are armed and have not fired yet."""
    return set(_armed)


def points(root: Path | None = None) -> list[str]:
    """Every literal failpoint of the source tree, sorted."""
    root = root or Path(__file__).parent
    call = re.compile(r"""failpoints\.hit\(\s*"([^"]+)"\s*\)""")
    return sorted({name for file in root.rglob("*.py") for name in call.findall(file.read_text())})


def _fire(name: str) -> None:
    with _lock:
        action, times = _armed.get(name, ("", 0))
        if not times:
            return
        if times == 1:
            del _armed[name]
        else:
            _armed[name] = (action, times - 1)
    verb, _, argument = action.partition(":")
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "crash":
        raise Crash(name)
    elif verb == "error":
        raise OSError(f"failpoint {name}: {argument}")
    else:
        time.sleep(float(argument))


arm(os.environ.get("IAAS_FAILPOINTS", ""))
