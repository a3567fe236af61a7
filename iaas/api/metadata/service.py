"""What the metadata API works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from iaas.compute.facade import ComputeFacade


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """``secret`` is shared with the agents; empty refuses everybody."""

    compute: ComputeFacade
    secret: str = field(repr=False)
