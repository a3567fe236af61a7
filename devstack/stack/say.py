"""What a person sees while a command works: one line a step, rewritten in place on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Line:
    """One line of the display. On a terminal ``show`` replaces it; elsewhere each new text is a line of its own."""

    def __init__(self) -> None:
        self._live, self._shown = sys.stdout.isatty(), ""

    def show(self, text: str, *, passing: bool = False) -> None:
        """``passing`` text, such as a clock, is for terminals only."""
        if self._live:
            print(f"\r\033[K{text}", end="", flush=True)
        elif not passing and text != self._shown:
            print(text, flush=True)
        self._shown = text

    def end(self, text: str) -> None:
        """The text that stays."""
        print(f"\r\033[K{text}" if self._live else text, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Names a step before it begins (on a terminal) and tells how long it took."""
    line, began = Line(), time.monotonic()
    line.show(f"  {name} …", passing=True)
    try:
        yield
    except BaseException:
        line.end(f"  {name}: failed")
        raise
    line.end(f"  {name:<42} {time.monotonic() - began:6.1f} s")


def size(amount: float) -> str:
    """Bytes in MiB, as people read them."""
    return f"{amount / 1048576:.1f} MiB"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Aligned columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    pairs = [zip(row, widths, strict=True) for row in rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in pair).rstrip() for pair in pairs)
