"""nft tables as values, and their words: the whole, or only what is different from before. Pure; knows no rule of ours.

Both texts are one transaction of the kernel's: nobody ever sees half of it. The difference keeps the cost of one more
port the same whatever else is on the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A set or map: ``kind`` says which, ``type`` what of, as nft words it; ``elements`` are ``key`` or ``key :
    value``. One with ``flags`` (intervals) is always changed as a whole."""

    kind: str
    name: str
    type: str
    elements: frozenset[str]
    flags: str = ""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """``hook``: what makes it a base chain, "" for one that is jumped to."""

    name: str
    hook: str
    rules: tuple[str, ...]


Item = Collection | Chain


@dataclass(frozen=True, kw_only=True)
class Table:
    family: str
    name: str
    items: tuple[Item, ...]


def chains(text: str) -> Iterator[Chain]:
    """From the way that chains are written by hand: a line ``chain name { hook``, a line a rule, ``}``."""
    name, hook = "", ""
    rules: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == "}":
            yield Chain(name=name, hook=hook, rules=tuple(rules))
        elif line.startswith("chain "):
            name, _, hook = (part.strip() for part in line.removeprefix("chain ").partition("{"))
            rules = []
        else:
            rules.append(line)


def render(tables: Iterable[Table]) -> str:
    """The whole: loading it replaces what is there."""
    lines = []
    for table in tables:
        where = f"{table.family} {table.name}"
        lines += [f"table {where}", f"delete table {where}", f"table {where} {{"]
        for item in table.items:
            if isinstance(item, Chain):
                lines.append(f"  chain {item.name} {{ {item.hook}".rstrip())
                lines += [f"    {rule}" for rule in item.rules]
                lines.append("  }")
            else:
                listed = f" elements = {{ {_listed(item.elements)} }}" if item.elements else ""
                lines.append(f"  {item.kind} {item.name} {{ {_declaration(item)}{listed} }}")
        lines.append("}")
    return "\n".join([*lines, ""])


def difference(before: Sequence[Table], now: Sequence[Table]) -> str | None:
    """What makes ``before`` into ``now``, "" for nothing; None when only the whole can."""
    if [(table.family, table.name) for table in before] != [(table.family, table.name) for table in now]:
        return None
    lines: list[str] = []
    for old, new in zip(before, now, strict=True):
        there, wanted = {item.name: item for item in old.items}, {item.name: item for item in new.items}
        if any(not _alike(there[name], item) for name, item in wanted.items() if name in there):
            return None
        lines += _change(f"{new.family} {new.name}", there, wanted)
    return "\n".join([*lines, ""])


def _change(where: str, there: dict[str, Item], wanted: dict[str, Item]) -> Iterator[str]:
    """First what is new, so that it can be named; last what is gone, when nothing names it any more."""
    for name, item in wanted.items():
        if name not in there:
            yield from _create(where, item)
    for name, item in wanted.items():
        yield from _fill(where, there.get(name), item)
    gone = [item for name, item in there.items() if name not in wanted]
    yield from (f"flush chain {where} {item.name}" for item in gone if isinstance(item, Chain))
    yield from (f"delete chain {where} {item.name}" for item in gone if isinstance(item, Chain))
    yield from (f"delete {item.kind} {where} {item.name}" for item in gone if isinstance(item, Collection))


def _create(where: str, item: Item) -> Iterator[str]:
    if isinstance(item, Collection):
        yield f"add {item.kind} {where} {item.name} {{ {_declaration(item)} }}"
    else:
        yield f"add chain {where} {item.name}" + (f" {{ {item.hook} }}" if item.hook else "")


def _fill(where: str, old: Item | None, item: Item) -> Iterator[str]:
    if isinstance(item, Chain):
        before = old.rules if isinstance(old, Chain) else ()
        if item.rules != before:
            if before:
                yield f"flush chain {where} {item.name}"
            yield from (f"add rule {where} {item.name} {rule}" for rule in item.rules)
        return
    have = old.elements if isinstance(old, Collection) else frozenset()
    gone, new = have - item.elements, item.elements - have
    if item.flags and (gone or new):
        if have:
            yield f"flush {item.kind} {where} {item.name}"
        gone, new = frozenset(), item.elements
    if gone:
        keys = {element.split(" : ")[0] for element in gone}
        yield f"delete element {where} {item.name} {{ {_listed(keys)} }}"
    if new:
        yield f"add element {where} {item.name} {{ {_listed(new)} }}"


def _alike(old: Item, new: Item) -> bool:
    """Whether the one can become the other by its contents alone."""
    if isinstance(old, Chain) or isinstance(new, Chain):
        return isinstance(old, Chain) and isinstance(new, Chain) and old.hook == new.hook
    return (old.kind, old.type, old.flags) == (new.kind, new.type, new.flags)


def _declaration(item: Collection) -> str:
    return f"{item.type}; {item.flags}".rstrip()


def _listed(elements: Iterable[str]) -> str:
    return ", ".join(sorted(elements))
