"""Whether the running daemons were started with the code and the configuration that are there now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from devstack.stack import files
from devstack.stack.settings import Settings


def fingerprint(settings: Settings) -> str:
    """Changes with any file that the daemons read when they start."""
    digest = hashlib.sha256()
    for path in [settings.config, *sorted((settings.root / "iaas").rglob("*.py"))]:
        stat = path.stat()
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def renew(settings: Settings, stop: Callable[[], None]) -> None:
    """Calls ``stop`` if not. To be called before any daemon is started, and each time."""
    stamp, wanted = settings.state / "started-with", fingerprint(settings)
    if stamp.exists() and stamp.read_text() != wanted:
        stop()
    files.write(stamp, wanted)
