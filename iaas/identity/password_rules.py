"""What operators ask of passwords ([security_compliance]): how they look, how long they hold, what came before.

An administrator who sets a password is bound by its looks only; age and history bind the users themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from iaas.config.sections import SecurityCompliance
from iaas.errors import Invalid
from iaas.identity.passwords import Passwords
from iaas.model.user import Login, Secret

MOST = 24  # passwords in a row that must be different
LOCK_PASSWORD = "lock_password"  # noqa: S105 - names of options
IGNORE_EXPIRY = "ignore_password_expiry"
IGNORE_FIRST_USE = "ignore_change_password_upon_first_use"
IGNORE_LOCKOUT = "ignore_lockout_failure_attempts"
IGNORE_INACTIVITY = "ignore_user_inactivity"


class PasswordRules:
    def __init__(self, rules: SecurityCompliance | None = None) -> None:
        self.rules = rules or SecurityCompliance()
        self._regex = re.compile(self.rules.password_regex) if self.rules.password_regex else None
        self.unlike = max(0, min(self.rules.unique_last_password_count, MOST) - 1)  # from how many a new one differs
        self.kept = max(0, self.unlike - 1)  # the password itself is where it is

    def check_looks(self, password: str) -> None:
        """Raises Invalid with the operator's words."""
        if self._regex and not self._regex.match(password):
            words = self.rules.password_regex_description or self.rules.password_regex
            raise Invalid(f"The password does not match the requirements: {words}.", field="password")

    def check_change(self, secret: Secret, options: Mapping[str, Any], now: datetime) -> None:
        """Whether the user may change the password now. Raises Invalid."""
        why = "You cannot change your password at this time due to "
        if options.get(LOCK_PASSWORD):
            raise Invalid(
                f"{why}password policy disallowing password changes. Please contact your administrator.",
                field="password",
            )
        days = self.rules.minimum_password_age
        if days and secret.own and secret.set_at and (left := secret.set_at + timedelta(days=days) - now) > timedelta():
            raise Invalid(
                f"{why}the minimum password age: it must be used for {days} day(s). Please try again in "
                f"{left.days + 1} day(s) or contact your administrator.",
                field="password",
            )

    def check_history(self, passwords: Passwords, new: str, hashes: Iterable[str]) -> None:
        """``hashes``: the password's and those before it, newest first. Raises Invalid. As slow as the hash, each."""
        if any(passwords.check(new, known) for known in [*hashes][: self.unlike]):
            raise Invalid(
                "The new password cannot be identical to a previous password. The total number which includes the "
                f"new password must be unique is {self.unlike + 1}.",
                field="password",
            )

    def expires_at(self, now: datetime, options: Mapping[str, Any], own: bool) -> datetime | None:
        """When a password that is set now ends; ``own``: its user chose it."""
        if not own and self.rules.change_password_upon_first_use and not options.get(IGNORE_FIRST_USE):
            return now
        days = self.rules.password_expires_days
        return now + timedelta(days=days) if days and not options.get(IGNORE_EXPIRY) else None

    def is_inactive(self, login: Login, now: datetime) -> bool:
        """Whether nobody has logged in for so long that the user counts as disabled."""
        days = self.rules.disable_user_account_days_inactive
        if not days or login.last_active_at is None or login.options.get(IGNORE_INACTIVITY):
            return False
        return login.last_active_at + timedelta(days=days + 1) <= now

    def is_to_note(self, login: Login, now: datetime) -> bool:
        """Whether a login now is the first one of its day, where that matters."""
        last = login.last_active_at
        return bool(self.rules.disable_user_account_days_inactive) and (last is None or last.date() < now.date())


def is_expired(login: Login, now: datetime) -> bool:
    ends = login.password_expires_at
    return ends is not None and ends <= now and not login.options.get(IGNORE_EXPIRY)
