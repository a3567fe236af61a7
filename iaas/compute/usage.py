"""Usage: how long servers ran in a span of time, and how much of everything that makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from iaas.compute.service import Compute
from iaas.db.compute import usage
from iaas.db.compute.usage import Period
from iaas.errors import Invalid

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Span:
    """From ``start`` to ``end``. With a ``limit``: that many servers after the one named ``marker``."""

    start: datetime
    end: datetime
    limit: int | None = None
    marker: str | None = None


@dataclass(frozen=True, kw_only=True)
class ServerUsage:
    """``hours`` in the span; ``uptime`` is seconds of the server's whole life so far."""

    period: Period
    hours: float
    uptime: int


def of_servers(compute: Compute, project_id: str | None, span: Span) -> list[ServerUsage]:
    """By project and server; of one project or all. Raises Invalid for the marker."""
    with compute.database.read() as tx:
        now = tx.now()
        after = None
        if span.marker is not None:
            after = usage.place(tx, span.marker, project_id)
            if after is None:
                raise Invalid(f"marker [{span.marker[:64]}] not found", field="marker")

        def found() -> Iterator[Period]:
            last = after
            while True:
                batch = usage.periods(tx, span.start, span.end, project_id, span.limit or BATCH, last)
                yield from batch
                if span.limit is not None or len(batch) < BATCH:
                    return
                last = (batch[-1].project_id, batch[-1].id)

        return [_used(period, span, now) for period in found()]


def _used(period: Period, span: Span, now: datetime) -> ServerUsage:
    """A server that runs on is counted until now, or the end of the span."""
    until = period.ended_at or now
    seconds = (min(until, span.end) - max(period.started_at, span.start)).total_seconds()
    uptime = int((until - period.started_at).total_seconds())
    return ServerUsage(period=period, hours=max(seconds, 0.0) / 3600, uptime=uptime)
