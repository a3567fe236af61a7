"""Authorization by oslo.policy: rules come from the route tables, operators override them in files.

A rule that is not registered denies (S-063): an unknown name can't fall through to allow. A token of a scope that a
rule is not for is refused, whatever the files say.
"""

from __future__ import annotations

import ast
import logging
import threading
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from oslo_config import cfg
from oslo_policy import _checks
from oslo_policy import policy as oslo

from iaas.api.policy_files import Override, PolicyFiles, names_of_all_services
from iaas.api.route import EVERY_SCOPE, Route, Rule, rules_in
from iaas.context import Context
from iaas.errors import Forbidden, Internal

log = logging.getLogger(__name__)

# No rule asks another host: a policy file can't make the API call out, nor load an HTTP client into every process.
_checks.extension_checks = {}


def _ask(rule: Any, target: Any, creds: Any, enforcer: Any, current_rule: str | None) -> bool:
    return bool(rule(target, creds, enforcer, current_rule))


# The library looks at the signature of every check of every rule at every request, for extensions' sake: four fifths
# of the time. Its own checks all take the four arguments.
_checks._check = _ask


@lru_cache(maxsize=4096)
def _literal(text: str) -> tuple[Any] | None:
    with _PARSING:
        try:
            return (ast.literal_eval(text),)
        except ValueError:
            return None


class _Literals:
    """What the library knows as ``ast``. It parses the left side of every check at every request; and Python's parser
    fails now and then when threads use it at once (SystemError; cpython issue 106905, mended in 3.11.5)."""

    @staticmethod
    def literal_eval(text: str) -> Any:
        found = _literal(text)
        if found is None:
            raise ValueError(text)
        return found[0]


_PARSING = threading.Lock()
_checks.ast = _Literals  # type: ignore[assignment,attr-defined]

_ADMIN = "rule:context_is_admin"
BASE = tuple(Rule(name, check, about, EVERY_SCOPE) for name, check, about in (
    ("context_is_admin", "role:admin", "Who is an administrator of the cloud."),
    ("admin_required", _ADMIN, "The same, as files of the identity service name it."),
    ("admin_api", _ADMIN, "The same, as files of the compute and volume services name it."),
    ("admin_only", _ADMIN, "The same, as files of the network service name it."),
    ("admin_or_self", "rule:context_is_admin or user_id:%(user_id)s", "An administrator, or the user itself."),
    ("service_role", "role:service", "The platform's own services."),
    ("service_or_admin", "rule:context_is_admin or role:service", "An administrator, or a service of the platform."),
    ("project_manager_or_admin", "rule:context_is_admin or (role:manager and project_id:%(project_id)s)",
     "An administrator, or a manager of the project."),
    ("project_member_or_admin", "rule:context_is_admin or (role:member and project_id:%(project_id)s)",
     "An administrator, or a member of the project."),
    ("project_reader_or_admin",
     "rule:context_is_admin or ((role:reader or role:member) and project_id:%(project_id)s)",
     "An administrator, or a reader of the project."),
    ("domain_managed_target_role",
     "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
     "The roles that the manager of a domain may give and take."),
))  # fmt: skip


class Policy:
    """The rules of one or more APIs. Thread-safe; the override files are looked at again when they change."""

    def __init__(self, rules: Iterable[Rule], file: str | None = None) -> None:
        """Raises Internal when a default refers to a rule that does not exist."""
        self._files = PolicyFiles(file) if file else None
        self.rules = {rule.name: rule for rule in (*BASE, *rules)}
        self._aliases = {alias: rule.name for rule in self.rules.values() for alias in rule.aliases}
        self._enforcer = _enforcer()
        for rule in self.rules.values():
            self._enforcer.register_default(
                oslo.RuleDefault(rule.name, rule.check, rule.about or None, scope_types=list(rule.scope_types))
            )
        self._defaults = {name: default.check for name, default in self._enforcer.registered_rules.items()}
        if wrong := [*_dangling(self._defaults, self._defaults), *_circular(self._defaults)]:
            raise Internal(f"policy rules refer to rules that do not exist, or to themselves: {', '.join(wrong)}")
        self._enforcer.set_rules(dict(self._defaults), use_conf=False)
        self._stamp: object = ()
        self._refresh()

    @classmethod
    def of_routes(cls, routes: Iterable[Route], extra: Iterable[Rule] = (), file: str | None = None) -> Policy:
        return cls([*rules_in(routes), *extra], file)

    def allows(self, rule: str, context: Context, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the caller may. The target defaults to the caller's own project and user."""
        if rule not in self.rules:
            return False
        self._refresh()
        # What is absent is left out, on both sides: "None" must not equal "None" for a caller without a project.
        goal = {"project_id": context.project_id, "user_id": context.user_id, **(target or {})}
        goal = {name: value for name, value in goal.items() if value is not None}
        return bool(self._enforcer.enforce(rule, goal, _held(context)))

    def enforce(self, rule: str, context: Context, target: Mapping[str, Any] | None = None) -> None:
        """Raises Forbidden when the rule does not hold."""
        if not self.allows(rule, context, target):
            raise Forbidden(f"Policy doesn't allow {rule} to be performed.", rule=rule)

    def is_admin(self, context: Context) -> bool:
        return self.allows("context_is_admin", context)

    def _refresh(self) -> None:
        """Reads the override files when they are new or changed; broken ones keep the rules in force."""
        if self._files is None or (stamp := self._files.stamp()) == self._stamp:
            return
        self._stamp = stamp
        try:
            rules = self._merged(self._files.read())
        except (ValueError, OSError) as error:
            log.error("the policy files are not used: %s", error)
            return
        self._enforcer.set_rules(rules, use_conf=False)

    def _merged(self, overrides: Mapping[str, Override]) -> dict[str, Any]:
        """The defaults with what the files change. Raises ValueError for rules that refer to themselves."""
        checks = {name: found.check for name, found in overrides.items()}
        for alias, name in self._aliases.items():
            if alias in checks:
                checks.setdefault(name, checks[alias])
        rules = {**self._defaults, **oslo.Rules.from_dict(checks)}
        if wrong := _circular(rules):
            raise ValueError(f"these rules refer to themselves: {', '.join(wrong)}")
        for name in _dangling(rules, self.rules):
            log.warning("policy rule %s refers to a rule that does not exist: it denies", name)
        unknown = overrides.keys() - self.rules.keys() - _referred(rules.values())
        for name in sorted(unknown - names_of_all_services()) if unknown else ():
            log.warning("policy rule %s of %s is none of this cloud's: it changes nothing", name, overrides[name].file)
        return rules


def at_home(context: Context) -> dict[str, str | None]:
    """The target of a caller who stays in its own domain and with what is its own: what the first gate assumes of an
    object that has not been looked up yet. The second one asks with the real one."""
    domain = context.domain_id
    nouns = {f"target.{noun}.domain_id": domain for noun in ("user", "group", "project")}
    role = {"target.role.name": "reader", "target.role.domain_id": "None"}
    trust = {"target.trust.trustor_user_id": context.user_id, "target.trust.trustee_user_id": context.user_id}
    mine = {"target.credential.user_id": context.user_id}
    return {"target.domain_id": domain, "target.domain.id": domain, **nouns, **role, **trust, **mine}


def _enforcer() -> oslo.Enforcer:
    conf = cfg.ConfigOpts()
    conf(args=[], default_config_files=[])
    enforcer = oslo.Enforcer(conf, policy_file="none", use_conf=False)
    enforcer.suppress_deprecation_warnings = True
    return enforcer


def _held(context: Context) -> dict[str, Any]:
    """What rules may ask about the caller. ``token.…``: as the published rules of identity name it."""
    credentials: dict[str, Any] = {
        "user_id": context.user_id,
        "project_id": context.project_id,
        "tenant_id": context.project_id,
        "domain_id": context.domain_id,
        "user_domain_id": context.user_domain_id,
        "project_domain_id": context.project_domain_id,
        "system_scope": context.system_scope,
        "system": context.system_scope,
        "may_upload": context.may_upload,
        "token": {"domain": {"id": context.domain_id}, "project": {"domain": {"id": context.project_domain_id}}},
    }
    held = {name: value for name, value in credentials.items() if value is not None}
    return held | {"roles": list(context.roles), "is_admin": context.is_admin}


def _referred(checks: Iterable[Any]) -> set[str]:
    """The names of the rules that these checks refer to."""
    names: set[str] = set()
    waiting = list(checks)
    while waiting:
        check = waiting.pop()
        if isinstance(check, _checks.RuleCheck):
            names.add(check.match)
        waiting += getattr(check, "rules", ())  # of "and", "or"
        waiting += [check.rule] if isinstance(check, _checks.NotCheck) else []
    return names


def _dangling(rules: Mapping[str, Any], asked: Iterable[str]) -> list[str]:
    return [name for name in asked if not _referred([rules[name]]) <= rules.keys()]


def _circular(rules: Mapping[str, Any]) -> list[str]:
    """The rules that come back to themselves: they would never end."""
    wrong = []
    for name in rules:
        seen: set[str] = set()
        waiting = _referred([rules[name]])
        while waiting and name not in seen:
            seen |= waiting
            waiting = _referred(rules[next_] for next_ in waiting if next_ in rules) - seen
        if name in seen:
            wrong.append(name)
    return wrong
