"""How a command of iaas-manage takes a project: in every spelling that command lines have had for it (A-106)."""

from __future__ import annotations

from typing import Protocol

SPELLINGS = ("--project", "--project-id", "--tenant", "--tenant-id", "--tenant_id")


class Takes(Protocol):
    """A parser, or a group of one."""

    def add_argument(self, *names: str, dest: str, metavar: str, help: str) -> object: ...


def add(parser: Takes, help: str, metavar: str = "ID") -> None:
    """It is ``arguments.project``, None when it is not given."""
    parser.add_argument(*SPELLINGS, dest="project", metavar=metavar, help=help)
