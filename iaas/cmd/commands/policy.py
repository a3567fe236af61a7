"""``policy``: every rule with its default, scopes and requests; what the operator's files change; who may do what."""

from __future__ import annotations

import argparse
from typing import Any

from iaas.api.rulebook import SERVICES, changes, rules_of, sample
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.context import Context
from iaas.errors import Invalid

_SCOPES = ("project", "domain", "system")


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("policy", help="who may do what").add_subparsers(dest="verb", required=True)
    shower = verbs.add_parser("show", help="every rule with its default, as a sample of the policy file")
    shower.add_argument("--service", choices=sorted(SERVICES), help="only the rules of this API")
    shower.add_argument("--changed", action="store_true", help="only what this host's policy files change")
    shower.set_defaults(run=show)
    checker = verbs.add_parser("check", help="what a caller with these roles may do by the rules in force here")
    checker.add_argument("--service", choices=sorted(SERVICES), required=True)
    checker.add_argument("--roles", required=True, help="roles of the token, with commas")
    checker.add_argument("--scope", choices=_SCOPES, default="project", help="what the token is for")
    checker.add_argument("--rule", help="only this one; the exit status says whether it allows")
    checker.add_argument("--foreign", action="store_true", help="about what is another project's, domain's or user's")
    checker.set_defaults(run=check)


def show(config: Loaded, arguments: argparse.Namespace) -> None:
    services = [arguments.service] if arguments.service else list(SERVICES)
    if arguments.changed:
        print(changes(config.section(sections.Auth).policy_file, services), end="")
    else:
        print(sample(services), end="")


def check(config: Loaded, arguments: argparse.Namespace) -> None:
    """Prints the rules that allow; with --rule says yes or no and exits with 0 or 1."""
    from iaas.api.policy import Policy

    policy = Policy(rules_of(arguments.service), config.section(sections.Auth).policy_file)
    caller = _caller(arguments.roles.split(","), arguments.scope)
    target = _target("somebody-else" if arguments.foreign else "own")
    if arguments.rule is None:
        print("\n".join(rule.name for rule in rules_of(arguments.service) if policy.allows(rule.name, caller, target)))
        return
    if arguments.rule not in policy.rules:
        raise Invalid(f"The {arguments.service} API has no rule {arguments.rule}.")
    allowed = policy.allows(arguments.rule, caller, target)
    print("allowed" if allowed else "denied")
    if not allowed:
        raise SystemExit(1)


def _caller(roles: list[str], scope: str) -> Context:
    return Context(
        request_id="", user_id="own", user_domain_id="own", roles=tuple(role.strip() for role in roles),
        project_id="own" if scope == "project" else None, project_domain_id="own" if scope == "project" else None,
        domain_id="own" if scope == "domain" else None, system_scope="all" if scope == "system" else None,
    )  # fmt: skip


def _target(owner: str) -> dict[str, str]:
    """An object of that project, domain and user, under every name that a rule may ask for."""
    ids = ("project_id", "tenant_id", "user_id", "domain_id", "owner")
    nouns = {f"target.{noun}.domain_id": owner for noun in ("user", "group", "project")}
    return {**dict.fromkeys(ids, owner), **nouns, "target.domain_id": owner, "target.domain.id": owner,
            "target.user.id": owner, "target.project.id": owner, "target.role.name": "member"}  # fmt: skip
