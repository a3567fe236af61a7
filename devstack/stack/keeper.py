"""What keeps the processes of a stack running, as an interface: supervisor.py and systemd.py are the two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from devstack.stack.settings import Settings


@dataclass(frozen=True)
class State:
    """One program: ``pid`` is 0 while it doesn't run, ``since`` is the epoch second of its last start."""

    running: bool
    pid: int
    since: float
    text: str


class Keeper(Protocol):
    """``group`` is programs.SUPERVISED, the cloud's own daemons, or "base", what they need."""

    def is_up(self, settings: Settings) -> bool:
        """Whether this stack's processes are being kept at the moment."""

    def ensure(self, settings: Settings) -> bool:
        """Makes it know the programs of the stack. Returns whether anything had to be done for it."""

    def start(self, settings: Settings, group: str) -> bool:
        """Starts what doesn't run, without waiting for it. Returns whether there was anything."""

    def stop(self, settings: Settings, group: str) -> None:
        """Stops the group and waits for it. Raises Failure if it doesn't end."""

    def states(self, settings: Settings) -> dict[str, State]:
        """By name of the program."""

    def shutdown(self, settings: Settings) -> None:
        """Ends everything and forgets the stack."""
