"""The loopback cloud that unmodified clients talk to; one a test module, because a client's start is slow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas.db.engine import Database
from tests.compat.cloud import Cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("cloud")
    shutil.copyfile(database_template, directory / "iaas.sqlite")
    database = Database(f"sqlite:///{directory / 'iaas.sqlite'}")
    patch = pytest.MonkeyPatch()
    patch.setenv("NO_PROXY", "*")
    patch.setenv("no_proxy", "*")
    running = Cloud(directory, database)
    yield running
    running.close()
    database.close()
    patch.undo()
