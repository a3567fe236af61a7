"""Why a server goes where it goes: every host against every filter and weigher, as a value and as text. A dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import Filters, HostState, Weighers, rank

PASSES, REJECTS = "+", "-"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``place``: 1 is where the server would go, None is rejected. ``reasons``: every filter that rejects the host, not
    only the first. ``weights``: of hosts that no filter rejects."""

    host: str
    place: int | None
    reasons: Mapping[str, str]
    weights: Mapping[str, float]


def explain(
    hosts: Sequence[HostState], request: PlacementRequest, filters: Filters, weighers: Weighers
) -> list[Verdict]:
    """The best first, then the rejected ones by name."""
    ranked = [state.node.host for state in rank(hosts, request, filters, weighers).hosts]
    found = []
    for state in hosts:
        name = state.node.host
        reasons = {each: why for each, item in filters if (why := item.rejects(state, request))}
        weights = {each: weigher.weigh(state, request) for each, weigher in weighers}
        place = ranked.index(name) + 1 if name in ranked else None
        found.append(Verdict(host=name, place=place, reasons=reasons, weights={} if reasons else weights))
    return sorted(found, key=lambda verdict: (verdict.place or len(hosts) + 1, verdict.host))


def table(verdicts: Sequence[Verdict], filters: Sequence[str], weighers: Sequence[str]) -> str:
    """A line a host, a column a filter and a weigher; below each rejected host its reasons."""
    head = ["host", "place", *filters, *weighers]
    rows = [_cells(verdict, filters, weighers) for verdict in verdicts]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [_line(head, widths)]
    for verdict, row in zip(verdicts, rows, strict=True):
        lines += [_line(row, widths), *(f"  {name}: {why}" for name, why in verdict.reasons.items())]
    return "\n".join(lines)


def _cells(verdict: Verdict, filters: Sequence[str], weighers: Sequence[str]) -> list[str]:
    marks = [REJECTS if name in verdict.reasons else PASSES for name in filters]
    weights = [f"{verdict.weights[name] + 0.0:g}" if verdict.weights else "" for name in weighers]
    return [verdict.host, str(verdict.place or "no"), *marks, *weights]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
