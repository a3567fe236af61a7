#!/usr/bin/env python3
"""Writes the files that are made from code: run it after a change of an option, a rule, a route or a state table.

    tools/regenerate.py              the samples, the diagrams and the policy matrix
    tools/regenerate.py --exercised  also the list of routes that tests/api reaches (runs these tests, a minute or two)
    tools/regenerate.py --exercised tests/api/identity    as far as these tests reach more of them

tests/architecture and tests/api/test_optimized.py fail while one of these files is out of date.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.architecture import generated  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exercised", nargs="?", const="tests/api", metavar="PATH")
    arguments = parser.parse_args()
    for path, text in generated.files().items():
        write(path, text)
    write(generated.MATRIX, matrix())
    if arguments.exercised:
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "tests.api.recorder", arguments.exercised]
        subprocess.run(command, cwd=ROOT, check=True)


def matrix() -> str:
    """The table of tests/api/policy_matrix.txt, from an empty database."""
    from iaas.clock import ManualClock
    from iaas.db.engine import Database
    from tests.api.matrix import make_matrix
    from tests.conftest import create_all

    with tempfile.TemporaryDirectory(prefix="iaas-regenerate-") as directory:
        database = Database(f"sqlite:///{directory}/iaas.sqlite", clock=ManualClock())
        create_all(database)
        text = make_matrix(database, Path(directory)).table()
        database.close()
    return text


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.read_text() if path.exists() else None
    if old != text:
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
