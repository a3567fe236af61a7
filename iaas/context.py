"""Who asks, and in which request: handed down explicitly, and visible to the log through a context variable.

Authorization data come from the token and the database only (RELIABILITY A1, lesson 4): nothing in a body,
query or header ever ends up here, the request ids excepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from iaas.ids import new_request_id


@dataclass(frozen=True, kw_only=True)
class Context:
    """One caller in one request. Crosses the bus; holds no secret (the token stays in the API process)."""

    request_id: str
    global_request_id: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    user_domain_id: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    domain_id: str | None = None
    system_scope: str | None = None  # "all" for a system-scoped token
    roles: tuple[str, ...] = ()
    may_upload: str | None = None  # an image's id: the caller, a host with a ticket, may fill it and nothing else
    application_credential_id: str | None = None
    restricted: bool = False  # the caller may not make or take away what would log in for it: S-036
    trust_id: str | None = None
    access_rules: tuple[tuple[str, str, str], ...] | None = None  # (service, method, path); None: every request
    is_admin: bool = False  # policy rule context_is_admin held when the request came in

    @property
    def owner(self) -> str:
        """The project that owns what this request creates; empty for a caller without a project."""
        return self.project_id or ""


_current: ContextVar[Context | None] = ContextVar("iaas_context", default=None)


def current() -> Context | None:
    return _current.get()


def system(request_id: str | None = None) -> Context:
    """The platform itself: periodic work and recovery. Never made from anything that a user sent."""
    return Context(request_id=request_id or new_request_id(), roles=("admin",), is_admin=True)


@contextmanager
def use(context: Context) -> Iterator[Context]:
    """Makes the context the current one of this thread for the length of the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
