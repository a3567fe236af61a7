"""All rules of all services: as a sample of the policy file, as a list, and beside what an operator's files say.

The routes are imported when they are asked for: a service's daemon has its own only.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from iaas.errors import Invalid

if TYPE_CHECKING:
    from iaas.api.route import Route, Rule

# service -> where its rules are that no route has of its own
SERVICES = {
    "identity": "",
    "image": "iaas.api.image.access:EXTRA_RULES",
    "compute": "iaas.api.compute.rules:RULES",
    "network": "iaas.api.network.rules:RULES",
    "volume": "iaas.api.volume.rules:RULES",
}


def sample(services: Iterable[str]) -> str:
    """The text of a policy file in which every default is commented out."""
    from iaas.api.policy import BASE
    from iaas.api.route import collect

    lines = ["# policy.yaml: rules that differ from these defaults; read again when it changes."]
    lines += ["", "# -- what the rules below refer to", *_lines(BASE, ())]
    for service in services:
        lines += ["", f"# -- {service}", *_lines(rules_of(service), collect(f"iaas.api.{service}"))]
    return "\n".join(lines) + "\n"


def changes(file: str, services: Iterable[str]) -> str:
    """What the policy files say otherwise than the code. Raises Invalid for files that the daemons would not use."""
    from iaas.api.policy import BASE
    from iaas.api.policy_files import PolicyFiles, names_of_all_services

    try:
        found = PolicyFiles(file).read()
    except (ValueError, OSError) as error:
        raise Invalid(str(error)) from None
    rules = [*BASE, *(rule for service in services for rule in rules_of(service))]
    lines = []
    for rule in {rule.name: rule for rule in rules}.values():
        name = next((name for name in (rule.name, *rule.aliases) if name in found), None)
        if name is None or found[name].check == rule.check:
            continue
        by = "" if name == rule.name else f" as {name}"
        lines += [f"# {rule.words} ({found[name].file}{by}; default: {json.dumps(rule.check)})"]
        lines += [f"{json.dumps(rule.name)}: {json.dumps(found[name].check)}", ""]
    for name in sorted(found.keys() - names_of_all_services()):
        lines += [f"# of {found[name].file}: no rule of this cloud, unless others refer to it"]
        lines += [f"{json.dumps(name)}: {json.dumps(found[name].check)}", ""]
    return "\n".join(lines)


def names() -> str:
    """rule_names.txt: every name and alias, a line each."""
    from iaas.api.policy import BASE

    rules = [*BASE, *(rule for service in SERVICES for rule in rules_of(service))]
    return "\n".join(sorted({name for rule in rules for name in (rule.name, *rule.aliases)})) + "\n"


def rules_of(service: str) -> list[Rule]:
    """The rules that the service's API registers: its routes' and its extra ones, each once, by name."""
    from iaas.api.route import collect, rules_in

    rules = {rule.name: rule for rule in rules_in(collect(f"iaas.api.{service}"))}
    module, _, name = SERVICES[service].partition(":")
    extra: Iterable[Rule] = getattr(importlib.import_module(module), name) if module else ()
    rules |= {rule.name: rule for rule in extra}
    return [rules[name] for name in sorted(rules)]


def _lines(rules: Iterable[Rule], routes: Iterable[Route]) -> list[str]:
    from iaas.api.route import rules_in

    decided = defaultdict(list)
    for route in routes:
        for rule in rules_in([route]):
            decided[rule.name].append(f"{route.method} {route.path} {route.action or ''}".strip())
    lines = []
    for rule in rules:
        lines += ["", f"# {rule.words}", *(f"# {request}" for request in decided[rule.name])]
        lines.append(f"# Scopes: {', '.join(rule.scope_types)}")
        lines += [f"# Also known as: {', '.join(rule.aliases)}"] if rule.aliases else []
        lines.append(f"# {json.dumps(rule.name)}: {json.dumps(rule.check)}")
    return lines
