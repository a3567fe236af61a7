"""Rejects hosts whose aggregates don't have what the flavor's aggregate_instance_extra_specs ask for.

``ssd = true`` in the flavor's spec ``aggregate_instance_extra_specs:ssd`` wants an aggregate of the host with that
item. The values may be conditions: ``>= 4``, ``s!= old``, ``<in> part``, ``<or> a <or> b``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from iaas.model.placement import PlacementRequest
from iaas.scheduler.pipeline import HostState

SCOPE = "aggregate_instance_extra_specs:"
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "s==": lambda has, wanted: has == wanted,
    "s!=": lambda has, wanted: has != wanted,
    "s<": lambda has, wanted: has < wanted,
    "s<=": lambda has, wanted: has <= wanted,
    "s>": lambda has, wanted: has > wanted,
    "s>=": lambda has, wanted: has >= wanted,
    "<in>": lambda has, wanted: wanted in has,
}
_NUMBER: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda has, wanted: has >= wanted,  # as published: the host has at least that
    "==": lambda has, wanted: has == wanted,
    "!=": lambda has, wanted: has != wanted,
    ">=": lambda has, wanted: has >= wanted,
    "<=": lambda has, wanted: has <= wanted,
}


class AggregateMetadataFilter:
    def rejects(self, host: HostState, request: PlacementRequest) -> str | None:
        for name, wanted in request.extra_specs.items():
            if not name.startswith(SCOPE):
                continue
            key = name.removeprefix(SCOPE)
            values = [part.strip() for item in host.aggregates if key in item for part in item[key].split(",")]
            if not any(meets(value, wanted) for value in values):
                return f"the flavor wants {key} {wanted}, the host's aggregates say {', '.join(values) or 'nothing'}"
        return None


def meets(has: str, wanted: str) -> bool:
    """Whether an aggregate's value meets a flavor's condition."""
    words = wanted.split()
    if words and words[0] == "<or>":
        return has in [part.strip() for part in wanted.split("<or>")[1:]]
    if len(words) > 1 and words[0] in _TEXT:
        return _TEXT[words[0]](has, " ".join(words[1:]))
    if len(words) == 2 and words[0] in _NUMBER:
        try:
            return _NUMBER[words[0]](float(has), float(words[1]))
        except ValueError:
            return False
    return has == wanted


PLUGIN = AggregateMetadataFilter
