"""Fixtures of the integration tests: real servers, and whole clouds of real processes."""

from tests.integration.clouds import cloud, own_broker, postgres_cloud, sqlite_cloud
from tests.integration.postgresql import postgres

__all__ = ["cloud", "own_broker", "postgres", "postgres_cloud", "sqlite_cloud"]
