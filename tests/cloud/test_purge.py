"""Rows of what was deleted long ago do not pile up for ever."""

from datetime import timedelta

import pytest

from iaas.db import operations
from iaas.db.purge import purge
from iaas.errors import NotFound
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete


def test_a_server_deleted_long_ago_and_its_history_are_forgotten_and_a_living_one_stays(cloud: Cloud) -> None:
    old, alive = boot(cloud), boot(cloud)
    delete(cloud, old)
    cloud.settle()
    assert cloud.database.run(lambda tx: purge(tx, timedelta(days=30))) == 0
    cloud.clock.advance(31 * 86400)
    cloud.tick()
    assert cloud.database.run(lambda tx: purge(tx, timedelta(days=30))) == 3, "the server, its create, its delete"
    assert cloud.database.run(lambda tx: purge(tx, timedelta(days=30))) == 0
    with pytest.raises(NotFound):
        cloud.server(old)
    with cloud.database.read() as tx:
        assert [item.kind for item in operations.of_resource(tx, "server", alive)] == ["server.create"]
