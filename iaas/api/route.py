"""A route as data: method, path, handler, policy, schemas and the microversions in which it exists.

    ROUTES = (
        Route("GET", "/flavors", list_flavors, policy=Rule("os_compute_api:flavors:index", READER)),
        Route("POST", "/flavors", create_flavor, policy=Rule("os_compute_api:os-flavor-manage:create", ADMIN),
              body=CREATE),
    )

Each ``iaas/api/<service>/<noun>.py`` has its ROUTES (actions on a noun may have a folder of their own);
``collect(package)`` walks the folder and refuses duplicates.
Two routes may share method and path when their microversion ranges don't overlap.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iaas.errors import Internal

if TYPE_CHECKING:
    from iaas.api.call import Call

# Check strings that rules default to. The target always holds the caller's own project_id and user_id unless the
# handler enforces again with the object's; foreign objects are hidden by the look-up itself (404).
ADMIN = "rule:context_is_admin"
MANAGER = "rule:project_manager_or_admin"
MEMBER = "rule:project_member_or_admin"
READER = "rule:project_reader_or_admin"
ANY = "@"  # any authenticated caller
SELF_OR_ADMIN = "rule:admin_or_self"
SERVICE = "rule:service_or_admin"


# What a token may be good for: the whole cloud, one domain, one project.
EVERY_SCOPE = ("system", "domain", "project")

# In the WSGI environment: what is called before a raw route reads its body, which may come slowly.
TAKES_TIME = "iaas.takes_time"


@dataclass(frozen=True)
class Rule:
    """A policy rule under its published name, and its default check string. ``scopes``: of tokens that it can let
    through, if not those of its service; ``aliases``: older names by which an operator's file may call it."""

    name: str
    check: str
    about: str = ""
    scopes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def scope_types(self) -> tuple[str, ...]:
        """Identities belong to domains and to the whole cloud, everything else to projects."""
        return self.scopes or (EVERY_SCOPE if self.name.startswith("identity:") else ("project",))

    @property
    def words(self) -> str:
        """What it is about: ``os_compute_api:os-lock-server:lock`` says "Lock server: lock" by itself."""
        name = self.name.removeprefix("identity:").removeprefix("os_compute_api:").replace("os-", "")
        plain = name.replace(":", ": ").replace("_", " ").replace("-", " ")
        return self.about or f"{plain[:1].upper()}{plain[1:]}."


@dataclass(frozen=True)
class Reply:
    """An answer that is more than a JSON body with the route's status. ``body``: JSON data, bytes, an iterable
    of bytes (streamed), or None."""

    body: Any = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # werkzeug syntax: /servers/<id>
    handler: Callable[[Call[Any]], Any]
    policy: Rule | None = None  # None only together with public=True
    body: Mapping[str, Any] | None = None  # JSON schema of the whole body
    query: Mapping[str, Any] | None = None  # JSON schema of the query: {name: [values]} collapsed to single strings
    status: int = 200
    since: str | None = None  # first microversion with the route
    until: str | None = None  # last one
    public: bool = False  # no token needed: version documents, authentication itself
    raw: bool = False  # the handler reads the body as a stream (image upload)
    target: tuple[str, ...] = ()  # path variables that the rule compares with the caller, under their own names
    # What a rule compares of the objects themselves. First the rule is asked as if they were the caller's own, then,
    # the body being valid, about what this finds.
    about: Callable[[Call[Any]], Mapping[str, Any]] | None = None
    also: tuple[Rule, ...] = ()  # what the handler asks besides, depending on the request
    guarded: bool = False  # not for restricted and delegated tokens: what is made here could outlive them (S-036)
    action: str | None = None  # POST …/action: the key of the body that selects this route


def rules_in(routes: Iterable[Route]) -> list[Rule]:
    """All rules of the routes, in their order; several routes may have the same one."""
    return [rule for route in routes for rule in (route.policy, *route.also) if rule]


def collect(package: str) -> tuple[Route, ...]:
    """All routes of the modules in the package and the packages in it. Raises Internal for a duplicate, or a route
    without a policy."""
    module = importlib.import_module(package)
    routes: list[Route] = []
    for info in sorted(pkgutil.walk_packages(module.__path__, f"{package}."), key=lambda item: item.name):
        routes += getattr(importlib.import_module(info.name), "ROUTES", ())
    seen: set[tuple[Any, ...]] = set()
    for route in routes:
        key = (route.method, route.path, route.action, route.since)
        if key in seen:
            raise Internal(f"duplicate route {route.method} {route.path} {route.action or ''}")
        if route.policy is None and not route.public:
            raise Internal(f"route {route.method} {route.path} has no policy")
        seen.add(key)
    return tuple(routes)
