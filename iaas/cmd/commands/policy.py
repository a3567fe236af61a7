"""``policy show``: every policy rule with its default and the requests that it decides, as a sample of policy.yaml."""

from __future__ import annotations

import argparse
import importlib
import json
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from iaas.config.loader import Loaded

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


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("policy", help="who may do what").add_subparsers(dest="verb", required=True)
    shower = verbs.add_parser("show", help="every rule with its default, as a sample of the policy file")
    shower.add_argument("--service", choices=sorted(SERVICES), help="only the rules of this API")
    shower.set_defaults(run=run)


def run(config: Loaded, arguments: argparse.Namespace) -> None:
    print(sample([arguments.service] if arguments.service else list(SERVICES)), end="")


def sample(services: Iterable[str]) -> str:
    """The text of a policy file in which every default is commented out."""
    from iaas.api.policy import BASE
    from iaas.api.route import collect

    lines = ["# policy.yaml: rules that differ from these defaults; read again when it changes."]
    lines += ["", "# -- what the rules below refer to", *_lines(BASE, ())]
    for service in services:
        lines += ["", f"# -- {service}", *_lines(rules_of(service), collect(f"iaas.api.{service}"))]
    return "\n".join(lines) + "\n"


def rules_of(service: str) -> list[Rule]:
    """The rules that the service's API registers: its routes' and its extra ones, each once, by name."""
    from iaas.api.route import collect

    rules = {route.policy.name: route.policy for route in collect(f"iaas.api.{service}") if route.policy}
    module, _, name = SERVICES[service].partition(":")
    extra: Iterable[Rule] = getattr(importlib.import_module(module), name) if module else ()
    rules |= {rule.name: rule for rule in extra}
    return [rules[name] for name in sorted(rules)]


def _lines(rules: Iterable[Rule], routes: Iterable[Route]) -> list[str]:
    decided = defaultdict(list)
    for route in routes:
        if route.policy:
            decided[route.policy.name].append(f"{route.method} {route.path} {route.action or ''}".strip())
    lines = []
    for rule in rules:
        lines += ["", *([f"# {rule.about}"] if rule.about else []), *(f"# {request}" for request in decided[rule.name])]
        lines.append(f"# {json.dumps(rule.name)}: {json.dumps(rule.check)}")
    return lines
