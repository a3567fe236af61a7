"""Which keeper a stack has: systemd for the stack of a machine where that is PID 1, else supervisord."""

from __future__ import annotations

from pathlib import Path

from devstack.stack import supervisor, systemd
from devstack.stack.keeper import Keeper
from devstack.stack.settings import Settings


def choose(settings: Settings) -> Keeper:
    if Path("/run/systemd/system").is_dir() and not (settings.netns or settings.fleet):
        return systemd
    return supervisor
