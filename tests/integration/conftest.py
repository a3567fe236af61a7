"""Fixtures of the integration tests: real servers, whole clouds of real processes, and several hosts on one machine."""

from pathlib import Path

import pytest

from tests.integration.clouds import cloud, own_broker, postgres_cloud, sqlite_cloud
from tests.integration.fleet import shared_fleet
from tests.integration.postgresql import postgres

__all__ = ["cloud", "own_broker", "postgres", "postgres_cloud", "shared_fleet", "sqlite_cloud"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that waits for 40 seconds on a machine of its own may need three times as long beside others."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))
