"""Property protections: who may create, read, update and delete which free properties, from the operator's file.

    [^x_billing_.*]              a regular expression, matched at the beginning of the name; the first section that
    create = admin               matches decides
    read = admin,member          roles with commas between them; @ is everybody, ! is nobody
    update = admin
    delete = !

    [.*]                         without a last section like this one, what no section matches is nobody's
    create = @
    …

With ``property_protection_rule_format = policies`` each value is the name of one rule of the policy files instead.
The format and its words are the published ones of Glance.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from iaas.errors import Invalid

OPERATIONS = ("create", "read", "update", "delete")
ROLES, POLICIES = "roles", "policies"
_EVERYBODY, _NOBODY = "@", "!"
_LONGEST = 255  # of a property's name: what a pattern is ever run on


@dataclass(frozen=True)
class Section:
    """One section: which names, and for each operation the roles or the rule, or who stands for all or none."""

    pattern: re.Pattern[str]
    allowed: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Protections:
    """``kind``: what the values name, roles or policies. Without sections everything is allowed."""

    sections: tuple[Section, ...] = ()
    kind: str = ROLES

    def __bool__(self) -> bool:
        return bool(self.sections)

    def allow(self, operation: str, name: str, holds: Callable[[str], bool]) -> bool:
        """``holds(word)``: whether the caller has this role, or this rule lets the caller pass."""
        if not self.sections:
            return True
        section = next((item for item in self.sections if item.pattern.match(name[:_LONGEST])), None)
        words = section.allowed[operation] if section else frozenset({_NOBODY})
        if _EVERYBODY in words:
            return True
        return any(word != _NOBODY and holds(word) for word in words)

    def rules(self) -> frozenset[str]:
        """The names of all policy rules that the file uses."""
        if self.kind != POLICIES:
            return frozenset()
        words = {word for section in self.sections for found in section.allowed.values() for word in found}
        return frozenset(words - {_EVERYBODY, _NOBODY})


def load(file: str, kind: str) -> Protections:
    """From a file; none without one. Raises Invalid for a file that can't be read or understood: a daemon must not
    start with less protection than its operator believes."""
    if not file:
        return Protections()
    try:
        text = Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The property protections {file} can't be read: {error}") from error
    return parse(text, kind)


def parse(text: str, kind: str) -> Protections:
    """Raises Invalid."""
    if kind not in (ROLES, POLICIES):
        raise Invalid(f"Property protections are of roles or policies, not {kind[:32]!r}.")
    parser = configparser.RawConfigParser(strict=True, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Invalid(f"The property protections can't be understood: {str(error)[:200]}") from error
    if not parser.sections():
        raise Invalid("The property protections have no section: nobody could do anything.")
    return Protections(tuple(_section(name, parser[name], kind) for name in parser.sections()), kind)


def _section(name: str, values: Mapping[str, str], kind: str) -> Section:
    try:
        pattern = re.compile(name)
    except re.error as error:
        raise Invalid(f"Property protections: [{name}] is no regular expression: {error}") from error
    if unknown := sorted(set(values) - set(OPERATIONS)):
        raise Invalid(f"Property protections: [{name}] has no operation {unknown[0]!r}.")
    allowed = {operation: _words(name, values.get(operation, ""), kind) for operation in OPERATIONS}
    return Section(pattern, allowed)


def _words(name: str, text: str, kind: str) -> frozenset[str]:
    """An operation that the section does not mention is nobody's."""
    words = frozenset(word.strip() for word in text.split(",") if word.strip()) or frozenset({_NOBODY})
    if {_EVERYBODY, _NOBODY} <= words:
        raise Invalid(f"Property protections: [{name}] says everybody and nobody of one operation.")
    if kind == POLICIES and len(words) > 1:
        raise Invalid(f"Property protections: [{name}] names more than one rule for an operation.")
    return words
