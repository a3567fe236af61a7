"""The faults happen to the in-process cloud."""

from tests.cloud.conftest import cloud

__all__ = ["cloud"]
