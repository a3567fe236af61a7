"""Fixtures of the integration tests: real servers, whole clouds of real processes, and several hosts on one machine."""

from tests.integration.clouds import cloud, own_broker, postgres_cloud, sqlite_cloud
from tests.integration.fleet import shared_fleet
from tests.integration.postgresql import postgres

__all__ = ["cloud", "own_broker", "postgres", "postgres_cloud", "shared_fleet", "sqlite_cloud"]
