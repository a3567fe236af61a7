"""One world a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaas.clock import ManualClock
from iaas.db.engine import Database
from tests.api.identity.world import World


@pytest.fixture
def world(database: Database, clock: ManualClock, tmp_path: Path) -> World:
    return World(database, clock, tmp_path)
