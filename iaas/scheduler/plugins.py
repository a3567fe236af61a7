"""The filters and weighers that the configuration names, with the two rules that no configuration leaves out."""

from __future__ import annotations

from iaas.config.sections import Scheduler as Options
from iaas.model.placement import PlacementRequest
from iaas.plugins import load
from iaas.scheduler.pipeline import Filters, HostState, Weigher, Weighers


def filters(options: Options) -> Filters:
    """Raises what ``load`` raises for a name that is none."""
    named = [(name, load("iaas.scheduler.filters", name)()) for name in options.filters]
    return [("tried", _Tried()), ("forced", _Forced()), *named]


def weighers(options: Options) -> Weighers:
    """A name with a minus before it is weighed the other way round: ``-ram`` fills hosts up."""
    found: list[tuple[str, Weigher]] = []
    for name in options.weighers:
        weigher = load("iaas.scheduler.weighers", name.removeprefix("-"))()
        found.append((name, _Reversed(weigher) if name.startswith("-") else weigher))
    return found


class _Tried:
    """A host that failed this very operation is not asked again."""

    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        return "it was tried and failed" if host.node.host in request.exclude else None


class _Forced:
    """An administrator named the host."""

    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        forced = request.forced_host
        return "another host was asked for" if forced and host.node.host != forced else None


class _Reversed:
    def __init__(self, weigher: Weigher) -> None:
        self._weigher = weigher

    def weigh(self, host: HostState, request: PlacementRequest) -> float:
        return -self._weigher.weigh(host, request)
