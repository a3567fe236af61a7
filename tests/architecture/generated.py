"""The files of the repository that are made from code: where they are and what is to be in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iaas.api import rulebook
from iaas.config import loader, sections
from iaas.model.image import IMAGE
from iaas.model.machine import Machine
from iaas.model.server import SERVER
from iaas.model.volume import VOLUME

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / "tests/api/policy_matrix.txt"
MACHINES: tuple[Machine[Any, Any], ...] = (SERVER, VOLUME, IMAGE)


def files() -> dict[Path, str]:
    """Path -> text; the policy matrix is made by its own test."""
    found = {
        ROOT / "etc/iaas.conf.sample": loader.sample(sections.ALL),
        ROOT / "etc/policy.yaml.sample": rulebook.sample(rulebook.SERVICES),
        ROOT / "iaas/api/rule_names.txt": rulebook.names(),
    }
    return found | {ROOT / f"docs/states/{machine.name}.md": page(machine) for machine in MACHINES}


def page(machine: Machine[Any, Any]) -> str:
    """A page with the diagram, and what may begin in which state."""
    rows = [f"| {state.value} | {', '.join(machine.possible(state, None)) or '-'} |" for state in machine.states]
    tasks = [f"| {task.value} | {', '.join(machine.possible(state_of(machine, task), task)) or '-'} |"
             for task in machine.tasks]  # fmt: skip
    return "\n".join([
        f"# The states of a {machine.name}", "",
        f"Made from `iaas/model/{machine.name}.py` by `tools/regenerate.py`. In brackets: the task while it lasts.", "",
        "```mermaid", machine.diagram().rstrip(), "```", "",
        "| state | what may begin |", "|---|---|", *rows, "",
        "| while | what may still begin |", "|---|---|", *tasks, "",
    ])  # fmt: skip


def state_of(machine: Machine[Any, Any], task: Any) -> Any:
    """A state in which the task may be under way."""
    sources = machine.transition(machine.event_of(task)).sources
    return next(state for state in machine.states if state in sources)
