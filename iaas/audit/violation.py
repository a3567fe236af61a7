"""What a check gives. Nothing but the value: the checks are one file a subject beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from iaas.audit.evidence import Evidence

GRACE = timedelta(seconds=60)  # how long past its time something may be before it counts as stuck


@dataclass(frozen=True, kw_only=True)
class Violation:
    invariant: str  # "I-01"
    subject: str  # what is wrong, by type and id: "server 5f…"
    text: str


Check = Callable[[Evidence], Iterator[Violation]]
