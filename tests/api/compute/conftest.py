"""The world fixture of the compute API's tests."""

from __future__ import annotations

import pytest

from iaas.db.engine import Database
from tests.api.compute.world import World, make_world


@pytest.fixture
def world(database: Database) -> World:
    """One image, flavor "1", no network, no host."""
    return make_world(database)
