"""Two projects boot with --nic auto, and each has a VLAN, a bridge and a DHCP server of its own (A-092, A-127)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from iaas.context import Context
from iaas.db.network import auto_topologies as topologies_db
from iaas.db.network import networks as networks_db
from iaas.errors import Invalid, NotFound
from iaas.model.network import Network, NetworkRequest
from iaas.model.server import State
from iaas.model.server_request import NetworkWish
from iaas.model.wiring import bridge_name, vlan_name
from iaas.network import auto_topologies
from iaas.network.facade import NetworkFacade
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete
from tests.cloud.sites import network, other_project

VLANS = (("physnet1", 100, 101),)


@pytest.fixture
def vlans(cloud: Cloud) -> Cloud:
    """Networks of projects are VLANs, of which there are two, behind a default external network."""
    cloud.settings = replace(
        cloud.settings, tenant_types=("vlan",), vlan_ranges=VLANS, subnet_pool=IPv4Network("10.200.0.0/16")
    )
    cloud.network = NetworkFacade(cloud.settings)
    cloud.compute = replace(cloud.compute, network=cloud.network)
    for daemon in ("conductor", "controller"):
        cloud.restart(daemon)
    operator = replace(cloud.context, project_id="e" * 32)
    network(cloud, "203.0.113.0/24", operator, external=True, is_default=True)
    return cloud


def boot_of(cloud: Cloud, context: Context) -> str:
    before, cloud.context = cloud.context, context
    try:
        return boot(cloud, networks=NetworkWish.AUTO)
    finally:
        cloud.context = before


def net_of(cloud: Cloud, context: Context) -> Network:
    with cloud.database.read() as tx:
        made = topologies_db.of(tx, context.owner)
        assert made is not None
        return networks_db.get(tx, made.network_id, context)


def test_each_project_has_its_own_vlan_bridge_and_dhcp_server(vlans: Cloud) -> None:
    cloud, mine, theirs = vlans, vlans.context, other_project(vlans)
    servers = [boot_of(cloud, context) for context in (mine, theirs, mine)]
    assert {cloud.server(server).state for server in servers} == {State.ACTIVE}
    nets = [net_of(cloud, context) for context in (mine, theirs)]
    assert {net.segmentation_id for net in nets} == {100, 101}
    with cloud.database.read() as tx:
        assert [cloud.network.interfaces(tx, id)[0].network_id for id in servers] == [
            nets[0].id,
            nets[1].id,
            nets[0].id,
        ]
        for context, foreign in ((mine, nets[1]), (theirs, nets[0])):
            with pytest.raises(NotFound):
                networks_db.get(tx, foreign.id, context)
            with pytest.raises(Invalid, match="could not be found"):
                cloud.network.validate_requests(tx, context, [NetworkRequest(network_id=foreign.id)])
    inventories = [host.network.inventory() for host in cloud.hosts.values()]
    for net in nets:
        assert sum(net.id in found.dnsmasq for found in inventories) == 1
        assert any({bridge_name(net.id)} <= set(found.bridges) for found in inventories)
    for name, host in cloud.hosts.items():
        wished = {net.id: net.segmentation_id for net in cloud.controller.wiring(name).networks if net.kind == "vlan"}
        assert {vlan_name(id) for id in wished} == set(host.network.inventory().tunnels)
        tags = [host.network._networks[id].vlan for id in wished]
        assert [tag.vid if tag else None for tag in tags] == list(wished.values())
    assert cloud.audit() == []


def test_a_project_for_which_there_is_no_vlan_left_is_told_and_one_that_goes_makes_room(vlans: Cloud) -> None:
    cloud, mine, theirs = vlans, vlans.context, other_project(vlans)
    third = replace(mine, project_id="d" * 32)
    servers = [boot_of(cloud, context) for context in (mine, theirs)]
    with pytest.raises(Invalid, match=f"Unable to automatically allocate a network for project {third.owner}"):
        boot_of(cloud, third)
    delete(cloud, servers[0])
    cloud.settle()
    given_back = net_of(cloud, mine).segmentation_id
    cloud.database.run(lambda tx: auto_topologies.delete(tx, cloud.settings, mine, mine.owner))
    boot_of(cloud, third)
    assert net_of(cloud, third).segmentation_id == given_back
    cloud.settle()
    assert cloud.audit() == []
