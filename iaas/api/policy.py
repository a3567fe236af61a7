"""Authorization by oslo.policy: rules come from the route tables, operators override them in one file.

A rule that is not registered denies (S-063): an unknown name can't fall through to allow.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import _checks
from oslo_policy import policy as oslo

from iaas.api.route import Route, Rule
from iaas.context import Context
from iaas.errors import Forbidden

log = logging.getLogger(__name__)

# No rule asks another host: a policy file can't make the API call out, nor load an HTTP client into every process.
_checks.extension_checks = {}

BASE = (
    Rule("context_is_admin", "role:admin", "Who is an administrator of the cloud."),
    Rule("admin_or_self", "rule:context_is_admin or user_id:%(user_id)s"),
    Rule("service_or_admin", "rule:context_is_admin or role:service"),
    Rule("project_member_or_admin", "rule:context_is_admin or (role:member and project_id:%(project_id)s)"),
    Rule(
        "project_reader_or_admin",
        "rule:context_is_admin or ((role:reader or role:member) and project_id:%(project_id)s)",
    ),
)


class Policy:
    """The rules of one or more APIs. Thread-safe; the override file is looked at again when it changes."""

    def __init__(self, rules: Iterable[Rule], file: str | None = None) -> None:
        conf = cfg.ConfigOpts()
        conf(args=[], default_config_files=[])
        self._file = Path(file) if file else None
        self._enforcer = oslo.Enforcer(conf, policy_file=file or "none", use_conf=False)
        self._enforcer.suppress_deprecation_warnings = True
        self.rules = {rule.name: rule for rule in (*BASE, *rules)}
        self._stamp: float | None = None
        self._refresh()

    @classmethod
    def of_routes(cls, routes: Iterable[Route], extra: Iterable[Rule] = (), file: str | None = None) -> Policy:
        return cls([*(route.policy for route in routes if route.policy), *extra], file)

    def allows(self, rule: str, context: Context, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the caller may. The target defaults to the caller's own project and user."""
        if rule not in self.rules:
            return False
        self._refresh()
        credentials: dict[str, Any] = {
            "user_id": context.user_id,
            "project_id": context.project_id,
            "tenant_id": context.project_id,
            "domain_id": context.domain_id,
            "user_domain_id": context.user_domain_id,
            "project_domain_id": context.project_domain_id,
            "system_scope": context.system_scope,
            "system": context.system_scope,
            "roles": list(context.roles),
            "is_admin": context.is_admin,
            "may_upload": context.may_upload,
        }
        # What is absent is left out, on both sides: "None" must not equal "None" for a caller without a project.
        goal = {"project_id": context.project_id, "user_id": context.user_id, **(target or {})}
        goal = {name: value for name, value in goal.items() if value is not None}
        held = {name: value for name, value in credentials.items() if value is not None}
        return bool(self._enforcer.enforce(rule, goal, held))

    def enforce(self, rule: str, context: Context, target: Mapping[str, Any] | None = None) -> None:
        """Raises Forbidden when the rule does not hold."""
        if not self.allows(rule, context, target):
            raise Forbidden(f"Policy doesn't allow {rule} to be performed.", rule=rule)

    def is_admin(self, context: Context) -> bool:
        return self.allows("context_is_admin", context)

    def _refresh(self) -> None:
        """Reads the override file when it is new or changed; a broken file keeps the rules in force."""
        stamp = self._changed_at()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        overrides: Mapping[str, str] = {}
        try:
            overrides = self._overrides() if stamp else {}
        except (ValueError, OSError) as error:
            log.error("policy file %s is not used: %s", self._file, error)
            if self._enforcer.rules:
                return
        checks = {name: rule.check for name, rule in self.rules.items()} | dict(overrides)
        self._enforcer.set_rules(oslo.Rules.from_dict(checks), overwrite=True, use_conf=False)

    def _changed_at(self) -> float:
        try:
            return self._file.stat().st_mtime if self._file else 0.0
        except OSError:
            return 0.0

    def _overrides(self) -> Mapping[str, str]:
        """The file's rules. Raises ValueError for anything but check strings: a null one would allow everybody."""
        found = oslo.parse_file_contents(self._file.read_text() if self._file else "")
        if not isinstance(found, dict) or not all(isinstance(check, str) for check in found.values()):
            raise ValueError("it is not a mapping of rule names to check strings")
        return found
