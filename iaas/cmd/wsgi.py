"""Makes the WSGI application of one API: routes, policy, dialect and authentication put together."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from iaas.api.app import ApiOptions, make_app
from iaas.api.policy import Policy
from iaas.api.route import Rule, collect
from iaas.cmd.start import Start
from iaas.cmd.strategy import login_url
from iaas.config import sections
from iaas.context import Context


def application(
    process: Start,
    service: str,
    services: Any,
    authenticate: Callable[[str], Context],
    rules: Sequence[Rule] = (),
) -> Callable[..., Any]:
    """The app of ``iaas/api/<service>``; ``rules`` are those that no route has of its own."""
    package = f"iaas.api.{service}"
    routes = collect(package)
    policy = Policy.of_routes(routes, rules, process.section(sections.Auth).policy_file)
    api = process.section(sections.Api)
    dialect = importlib.import_module(f"{package}.dialect").DIALECT
    identity = login_url(process)
    options = ApiOptions(max_body=api.max_body, public_url=api.public_url, identity_url=identity)
    return make_app(dialect, routes, services, policy, authenticate, options)
