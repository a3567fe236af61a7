"""network draw over the whole cloud: a project sees its own and what it uses; five queries; bounded."""

from __future__ import annotations

from iaas.db.network import topology
from iaas.network.draw import mermaid
from tests.cloud.harness import PROJECT, Cloud
from tests.cloud.servers import boot
from tests.cloud.sites import Site, network, other_project


def test_a_projects_picture_holds_its_networks_routers_and_servers(cloud: Cloud) -> None:
    site = Site(cloud)
    server = boot(cloud, site.private)
    address = site.get(site.floating(server)).ip
    theirs = network(cloud, context=other_project(cloud))
    with cloud.database.read() as tx:
        found = topology.read(tx, PROJECT, 50)
        everything = topology.read(tx, None, 50)
        small = topology.read(tx, PROJECT, 1)
        foreign = topology.read(tx, other_project(cloud).project_id, 50)
    assert {box.id for box in found.boxes} == {site.public, site.private, site.router_id, server}
    assert {box.kind for box in found.boxes} == {"external", "network", "router", "server"}
    assert {(link.box, link.network) for link in found.links} == {
        (site.router_id, site.public), (site.router_id, site.private), (server, site.private),
    }  # fmt: skip
    assert [link.floating for link in found.links if link.box == server] == [(address,)]
    assert {box.id for box in everything.boxes} == {box.id for box in found.boxes} | {theirs}
    assert {box.id for box in foreign.boxes} == {theirs}
    assert (len(small.links), small.left_out) == (1, 2)
    assert f"↔ {address}" in mermaid(found)
