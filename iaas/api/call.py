"""One HTTP request as a handler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Generic, TypeVar

from iaas.api.microversion import Version
from iaas.api.policy import Policy
from iaas.context import Context
from iaas.errors import Internal

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Call(Generic[S]):
    """``services`` is what the composition root made for this API; ``body`` is validated JSON (None without one)."""

    services: S
    policy: Policy
    path: Mapping[str, str]  # variables of the route's path
    query: Mapping[str, str]  # the first value of each query key
    query_lists: Mapping[str, list[str]]
    headers: Mapping[str, str]  # case-insensitive
    body: Any
    stream: IO[bytes] | None  # raw routes only
    content_length: int | None
    version: Version | None  # negotiated microversion, for APIs that have them
    base_url: str  # of this API, without a trailing slash: links are made from it
    source: str = ""  # the caller's network address, for limits per source
    url: str  # path and query of the request, for "next" links
    _context: Context | None = field(default=None)
    token: str | None = field(default=None, repr=False)

    @property
    def context(self) -> Context:
        """The authenticated caller; a public route has none and must not ask."""
        if self._context is None:
            raise Internal("a public route asked for the caller")
        return self._context

    def enforce(self, rule: str, target: Mapping[str, Any] | None = None) -> None:
        """Checks a further rule; raises Forbidden."""
        self.policy.enforce(rule, self.context, target)

    def allows(self, rule: str, target: Mapping[str, Any] | None = None) -> bool:
        return self.policy.allows(rule, self.context, target)

    def at_least(self, version: str) -> bool:
        """Whether the negotiated microversion is this one or later."""
        return self.version is not None and self.version >= Version.parse(version)
