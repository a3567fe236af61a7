"""What a refusal tells by the time it takes: an id of another project's beside one that nobody has (S-053).

    python bench/foreign.py [--times 20]

Every route about one thing that a project owns, in this process, on SQLite; the two are asked in turns. Milliseconds
of CPU and the ratio, by service, and the routes that are the farthest from 1. That both ask the database the same is
asserted in tests/api/test_isolation.py; nothing is asserted here.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from iaas.db.engine import Database
from tests.api.matrix import Cell
from tests.api.test_isolation import CELLS, Furnished, answer_of, furnished_with, owned
from tests.conftest import create_all


def times(furnished: Furnished, cell: Cell, count: int) -> tuple[float, float]:
    """Medians in ms: foreign, nobody's."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(count):
        for known, into in ((furnished.red, taken[0]), ({}, taken[1])):
            begun = time.process_time()
            answer_of(furnished, cell, known)
            into.append((time.process_time() - begun) * 1000)
    return statistics.median(taken[0]), statistics.median(taken[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    count = parser.parse_args().times
    with tempfile.TemporaryDirectory() as path:
        database = Database(f"sqlite:///{path}/iaas.sqlite")
        create_all(database)
        furnished = furnished_with(database, Path(path))
        found = [(cell, times(furnished, cell, count)) for cell in CELLS if owned(furnished, cell)]
        database.close()
    print(f"{'':50} foreign  nobody's  ratio")
    for service in dict.fromkeys(cell.service for cell, _ in found):
        mine = [both for cell, both in found if cell.service == service]
        show(f"{service}: {len(mine)} routes", *(statistics.fmean(column) for column in zip(*mine, strict=True)))
    by_ratio = sorted(found, key=lambda item: item[1][0] / item[1][1])
    for cell, both in (*by_ratio[:3], *by_ratio[-3:]):
        show(cell.name, *both)


def show(name: str, foreign: float, nobodys: float) -> None:
    print(f"{name[:50]:50} {foreign:7.2f}  {nobodys:8.2f}  {foreign / nobodys:5.2f}")


if __name__ == "__main__":
    main()
