"""A guest's metadata as a tree of names: nested dicts are folders, text and bytes are files. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Tree = Mapping[str, "Tree | bytes | str"]


def find(tree: Tree, path: Sequence[str]) -> Tree | bytes | str | None:
    """What is at the path; None when there is nothing."""
    here: Tree | bytes | str = tree
    for name in path:
        if not isinstance(here, Mapping) or name not in here:
            return None
        here = here[name]
    return here


def listing(folder: Tree) -> str:
    """The names in a folder, one a line; folders end in a slash."""
    return "\n".join(name + ("/" if isinstance(item, Mapping) else "") for name, item in folder.items())
