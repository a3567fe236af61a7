"""A fresh cloud per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.clock import ManualClock
from iaas.db.engine import Database
from tests.cloud.harness import Cloud


@pytest.fixture
def cloud(tmp_path: Path, database: Database, clock: ManualClock) -> Iterator[Cloud]:
    yield Cloud(tmp_path, database, clock)
    failpoints.disarm()
