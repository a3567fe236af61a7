"""A Topology as a Mermaid flowchart. Names are users' own words: whatever is in them, they stay text."""

from __future__ import annotations

from collections.abc import Iterable

from iaas.model.routing.topology import Box, Topology

_LONGEST = 40  # characters of a line
_SHAPES = {"network": ("([", "])"), "external": ("([", "])"), "router": ("{{", "}}"), "server": ("[", "]")}
_STYLES = (
    "classDef external fill:#fde8d0,stroke:#c77700,color:#000",
    "classDef network fill:#dcecfb,stroke:#2b6cb0,color:#000",
    "classDef router fill:#e6dcfb,stroke:#6b46c1,color:#000",
    "classDef server fill:#e2f5e3,stroke:#2f855a,color:#000",
)


def mermaid(topology: Topology) -> str:
    """The same text for the same topology. Ends with a newline."""
    names = {box.id: f"{box.kind[0]}{number}" for number, box in enumerate(topology.boxes)}
    lines = ["flowchart LR", *(f"    {_box(names[box.id], box)}" for box in topology.boxes)]
    for link in topology.links:
        words = [f"{ip}" for ip in link.addresses] + [f"↔ {ip}" for ip in link.floating]
        label = f'|"{_text(words)}"|' if words else ""
        lines.append(f"    {names[link.network]} ---{label} {names[link.box]}")
    if topology.left_out:
        lines.append(f'    more["… and {topology.left_out} ports more"]')
    lines += [f"    {style}" for style in _STYLES if any(f":::{style.split()[1]}" in line for line in lines)]
    return "\n".join(lines) + "\n"


def _box(name: str, box: Box) -> str:
    left, right = _SHAPES[box.kind]
    return f'{name}{left}"{_text(box.lines)}"{right}:::{box.kind}'


def _text(lines: Iterable[str]) -> str:
    return "<br/>".join(_escaped(line) for line in lines)


def _escaped(line: str) -> str:
    """Only letters, digits, spaces and a few harmless signs as they are; the rest as Mermaid's numbered entities."""
    short = line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
    return "".join(char if char.isalnum() or char in " .:/_-…↔" else f"#{ord(char)};" for char in short)
