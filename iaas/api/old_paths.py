"""Paths with a project in them, as catalogs of older clouds have them: /v2.1/{project_id}/servers is /v2.1/servers.

The project gives no rights and moves nothing: it must be the token's own (A-106, S-035).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from iaas.context import Context
from iaas.errors import Invalid
from iaas.ids import is_uuid


@runtime_checkable
class Rooted(Protocol):
    """A dialect whose paths may have the caller's project after this."""

    project_after: str  # "/v2.1"


def plain(dialect: object, path: str) -> tuple[str, str | None]:
    """The path that the route tables know, and the project that was in it. No noun of an API looks like an id."""
    if not isinstance(dialect, Rooted) or not path.startswith(f"{dialect.project_after}/"):
        return path, None
    project, _, rest = path.removeprefix(f"{dialect.project_after}/").partition("/")
    return (f"{dialect.project_after}/{rest}", project) if rest and is_uuid(project) else (path, None)


def check(project: str | None, caller: Context) -> None:
    """Raises Invalid for a path of another project, also for administrators: what they make is their own project's."""
    if project is not None and project != caller.project_id:
        raise Invalid(
            f"Malformed request URL: URL's project_id '{project}' doesn't match Context's project_id "
            f"'{caller.project_id}'"
        )
