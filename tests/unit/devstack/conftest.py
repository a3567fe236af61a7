"""A stack in a temporary directory that is never started."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.stack import settings
from devstack.stack.settings import Settings


@pytest.fixture
def stack(tmp_path: Path) -> Settings:
    return settings.make(tmp_path / "state", None, None)
