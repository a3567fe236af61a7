"""The network's crowds on PostgreSQL, where transactions really run side by side (F-79, F-80, F-84, S-107)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from iaas.db.engine import Database
from iaas.errors import Conflict, NotFound, QuotaExceeded
from tests.conftest import create_all
from tests.integration.postgresql import Postgres
from tests.unit.network.storms import CROWD, LIMIT, RESOURCES, SMALL_POOLS, Crossing, creations, small_pools

pytestmark = pytest.mark.root
_NUMBERS = count()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    database = Database(postgres.create(f"races{next(_NUMBERS)}"), pool_size=12)
    create_all(database)
    yield database
    database.close()


@pytest.mark.parametrize("resource", RESOURCES)
def test_fifty_against_a_quota_of_ten_give_exactly_ten(database: Database, resource: str) -> None:
    made, errors, said, there = creations(database, resource)
    assert (said, there) == (LIMIT, LIMIT)
    assert {type(error) for error in errors} == {QuotaExceeded}
    assert made + len(errors) == CROWD


def test_floating_ips_race_for_a_port_that_goes(database: Database) -> None:
    crossing = Crossing(database)
    _, errors = crossing.everybody_at_once()
    assert len(crossing.leading()) == 1
    assert {type(error) for error in errors} == {Conflict}
    errors = crossing.while_the_port_goes()
    assert crossing.leading() == []
    assert {type(error) for error in errors} <= {Conflict, NotFound}


def test_floating_ips_race_with_the_interface_that_they_need(database: Database) -> None:
    crossing = Crossing(database)
    errors = crossing.while_the_interface_goes()
    assert len(crossing.leading()) == (1 if crossing.joined() else 0)
    assert {type(error) for error in errors} <= {Conflict, NotFound}


@pytest.mark.parametrize(("vlans", "pool"), SMALL_POOLS)
def test_exactly_as_many_automatic_networks_as_vlans_and_subnets(database: Database, vlans: int, pool: str) -> None:
    """A-092: each project asks three times at once and gets one."""
    made, errors = small_pools(database, vlans, pool, projects=6)
    assert len({net.project_id for net in made}) == len({net.segmentation_id for net in made}) == len(made) == 4
    assert len(errors) == 2 * 3
    assert {type(error) for error in errors} == {Conflict}
