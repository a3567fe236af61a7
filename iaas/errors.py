"""The kinds of failure, for every layer.

    Error
      NotFound  Conflict  Invalid  TooLarge  Forbidden  Unauthenticated
      QuotaExceeded  NoValidHost  Unavailable  Timeout  Unsupported  Internal

A kind says what went wrong, never how a protocol words it: the HTTP status and the envelope belong to
each API's dialect, SQL and AMQP codes to their own layer. ``details`` is plain JSON data, so an error
crosses the bus as (kind, message, details) and is raised again as the same kind.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Error(Exception):
    """Base of all kinds. ``details`` may hold ``resource`` (noun), ``id`` and whatever a dialect words."""

    kind: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotFound(Error):
    """The named object does not exist, or is not the caller's (the two look alike on purpose)."""

    kind = "not_found"

    @classmethod
    def of(cls, resource: str, id: str) -> NotFound:
        return cls(f"{resource.replace('_', ' ').capitalize()} {id} could not be found.", resource=resource, id=id)


class Conflict(Error):
    """The object is in a state that does not allow it, or somebody else was faster."""

    kind = "conflict"


class Invalid(Error):
    """The request itself is wrong. ``details['field']`` names the offending field when there is one."""

    kind = "invalid"


class TooLarge(Error):
    """A body, file or list is over its limit."""

    kind = "too_large"


class Forbidden(Error):
    """The caller is known and may not do this."""

    kind = "forbidden"


class Unauthenticated(Error):
    """No valid credentials."""

    kind = "unauthenticated"


class QuotaExceeded(Error):
    """``details``: resource, limit, used, requested (numbers in the resource's own unit)."""

    kind = "quota_exceeded"


class NoValidHost(Error):
    """No host can take the request. ``details['for_operators']``: which filter rejected which host, and why."""

    kind = "no_valid_host"


class Unavailable(Error):
    """A dependency (database, broker, hypervisor, another daemon) is not there now; a retry may succeed."""

    kind = "unavailable"


class Timeout(Error):
    """A deadline passed; whether the work was done is unknown."""

    kind = "timeout"


class Unsupported(Error):
    """This driver, version or deployment cannot do it, now or later."""

    kind = "unsupported"


class Internal(Error):
    """A defect. The message is safe to show; the cause is in the log."""

    kind = "internal"


KINDS: dict[str, type[Error]] = {
    cls.kind: cls
    for cls in (
        NotFound, Conflict, Invalid, TooLarge, Forbidden, Unauthenticated, QuotaExceeded,
        NoValidHost, Unavailable, Timeout, Unsupported, Internal,
    )
}  # fmt: skip


def revive(kind: str, message: str, details: dict[str, Any]) -> Error:
    """The error that crossed the bus, as its own kind again; an unknown kind is Internal."""
    return KINDS.get(kind, Internal)(message, **details)
