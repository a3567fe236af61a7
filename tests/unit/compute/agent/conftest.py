"""A fresh host for every test, and no failpoint left armed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from tests.unit.compute.agent.bench import Host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    yield Host(tmp_path / "state")
    failpoints.disarm()
