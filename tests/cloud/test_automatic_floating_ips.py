"""Servers that get a floating IP by themselves (A-098)."""

from dataclasses import replace

import pytest

from iaas.db import quotas
from iaas.db.network import floating_ips as floating_db
from iaas.errors import QuotaExceeded
from iaas.model.routing.floating_ip import FloatingIp
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, network
from tests.cloud.sites import Site


@pytest.fixture
def site(cloud: Cloud) -> Site:
    cloud.compute = replace(cloud.compute, auto_floating=True)
    return Site(cloud)


def made_for(cloud: Cloud, server_id: str) -> list[FloatingIp]:
    with cloud.database.read() as tx:
        return floating_db.made_for(tx, server_id)


def used(cloud: Cloud) -> tuple[int, int]:
    with cloud.database.read() as tx:
        found = quotas.usage(tx, cloud.context.owner)
    return found.get("instances", 0), found.get("floatingips", 0)


def test_a_server_gets_one_until_the_quota_is_reached_and_gives_it_back(cloud: Cloud, site: Site) -> None:
    """A-098: over the quota a launch is refused as a whole, with the reason."""
    cloud.database.run(lambda tx: quotas.set_limits(tx, cloud.context.owner, {"floatingips": 2}))
    first, second = boot(cloud, site.private), boot(cloud, site.private)
    assert cloud.server(first).state is State.ACTIVE
    [floating] = made_for(cloud, first)
    assert (floating.project_id, floating.router_id) == (cloud.context.owner, site.router_id)
    assert floating.ip in {ip for _, ip in site.in_force()}
    with pytest.raises(QuotaExceeded):
        boot(cloud, site.private)
    assert used(cloud) == (2, 2)
    delete(cloud, first)
    cloud.settle()
    assert made_for(cloud, first) == []
    assert used(cloud) == (1, 1)
    third = boot(cloud, site.private)
    assert len(made_for(cloud, third)) == len(made_for(cloud, second)) == 1
    assert cloud.audit() == []


def test_what_its_owner_leads_elsewhere_stays(cloud: Cloud, site: Site) -> None:
    first, second = boot(cloud, site.private), boot(cloud, site.private)
    [given], [other] = made_for(cloud, first), made_for(cloud, second)
    site.lead(other.id, None)
    site.lead(given.id, second)
    delete(cloud, first)
    cloud.settle()
    assert [floating.id for floating in made_for(cloud, first)] == [given.id]
    assert cloud.audit() == []


def test_a_server_from_which_nothing_leads_outside_is_made_without_one(cloud: Cloud, site: Site) -> None:
    server_id = boot(cloud, network(cloud))
    assert cloud.server(server_id).state is State.ACTIVE
    assert made_for(cloud, server_id) == []
