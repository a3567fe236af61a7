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


_armed: dict[str, tuple[str, int]] = {}
_lock = threading.Lock()


def hit(name: str) -> None:
    """Marks the point ``name``; does nothing unless a test armed it."""
    if _armed:
        _fire(name)


def arm(spec: str) -> None:
    """Arms the items of a specification in addition to those already armed."""
    with _lock:
        for item in filter(None, (part.strip() for part in spec.split(","))):
            name, _, action = item.partition("=")
            action, _, times = action.partition("*")
            _armed[name] = (action, int(times or 1))


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
    elif verb == "pause":
        time.sleep(float(argument))
    else:
        raise ValueError(f"failpoint {name}: unknown action {action!r}")


arm(os.environ.get("IAAS_FAILPOINTS", ""))
