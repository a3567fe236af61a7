"""network draw: what is in the picture, and that no name becomes more than text."""

from __future__ import annotations

import re

from iaas.model.routing.topology import Box, Link, Topology
from iaas.network.draw import mermaid


def topology(name: str = "web1") -> Topology:
    return Topology(
        boxes=(
            Box(id="a", kind="external", lines=("public", "203.0.113.0/24")),
            Box(id="b", kind="network", lines=("private",)),
            Box(id="c", kind="router", lines=("r1", "ACTIVE on host1")),
            Box(id="d", kind="server", lines=(name,)),
        ),
        links=(
            Link(box="c", network="a", addresses=("203.0.113.7",)),
            Link(box="c", network="b", addresses=("10.0.0.1",)),
            Link(box="d", network="b", addresses=("10.0.0.5",), floating=("203.0.113.9",)),
        ),
    )


def test_boxes_and_links_are_drawn_with_their_addresses() -> None:
    lines = [line.strip() for line in mermaid(topology()).splitlines()]
    assert lines[0] == "flowchart LR"
    assert 'e0(["public<br/>203.0.113.0/24"]):::external' in lines
    assert 'r2{{"r1<br/>ACTIVE on host1"}}:::router' in lines
    assert 'n1 ---|"10.0.0.5<br/>↔ 203.0.113.9"| s3' in lines
    assert sum(line.startswith("classDef") for line in lines) == 4


def test_a_name_stays_text_whatever_is_in_it() -> None:
    """S-114: quotes, tags, directives, line ends, end of shape."""
    evil = 'x"]\n click s3 "javascript:alert(1)"\n%%{init:{}}%%<script>&#;'
    drawn = mermaid(topology(evil))
    assert len(drawn.splitlines()) == len(mermaid(topology()).splitlines())
    [line] = [line for line in drawn.splitlines() if line.strip().startswith("s3")]
    label = re.fullmatch(r'\s*s3\["(.*)"\]:::server', line)
    assert label
    assert not set(re.sub(r"#\d+;", "", label[1])) & set('"[]{}<>%&;#()\n')


def test_long_names_are_cut_and_what_is_left_out_is_said() -> None:
    drawn = mermaid(topology("n" * 300))
    assert "n" * 39 + "…" in drawn
    assert "n" * 41 not in drawn
    assert "… and 12 ports more" in mermaid(Topology(boxes=(), links=(), left_out=12))
