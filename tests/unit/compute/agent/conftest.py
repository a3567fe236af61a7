"""A fresh host for every test, an image service with a cache before it, and no failpoint left armed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas import failpoints
from iaas.compute.agent.images.cache import ImageCache
from tests.unit.compute.agent.bench import Host
from tests.unit.compute.agent.imagery import Glance, again


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    yield Host(tmp_path / "state")
    failpoints.disarm()


@pytest.fixture
def glance() -> Iterator[Glance]:
    server = Glance()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    failpoints.disarm()


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    return again(tmp_path)
