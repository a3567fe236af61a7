"""/v2.0/floatingips: addresses of the outside, and where they lead (A-118)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iaas.ids import new_uuid
from iaas.model.network import NetworkRequest
from iaas.network.controller import Controller
from tests.api.network.conftest import Api, context_of
from tests.api.network.test_routers import join, private, public, refused, report, router


class Site:
    """An external network, a router of alice's with a gateway on it, and a subnet behind it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.net = public(api)
        self.router = router(api, external_gateway_info={"network_id": self.net["id"]})
        self.subnet = private(api)
        join(api, self.router["id"], subnet_id=self.subnet["id"])

    def port(self, **values: Any) -> dict[str, Any]:
        return self.api.port(self.subnet["network_id"], **values)

    def floating(self, persona: str = "alice", **values: Any) -> dict[str, Any]:
        body = {"floatingip": {"floating_network_id": self.net["id"], **values}}
        return dict(self.api.do(persona, "POST", "/v2.0/floatingips", body))

    def get(self, floating: dict[str, Any]) -> dict[str, Any]:
        return dict(self.api.do("alice", "GET", f"/v2.0/floatingips/{floating['id']}"))

    def lead(self, floating: dict[str, Any], **values: Any) -> dict[str, Any]:
        return dict(self.api.do("alice", "PUT", f"/v2.0/floatingips/{floating['id']}", {"floatingip": values}))


@pytest.fixture
def site(api: Api) -> Site:
    return Site(api)


def test_a_floating_ip_is_created_shown_listed_changed_and_deleted(site: Site) -> None:
    made = site.floating(description="web")
    assert made["floating_ip_address"].startswith("203.0.113.")
    assert (made["status"], made["port_id"], made["router_id"], made["fixed_ip_address"]) == ("DOWN", None, None, None)
    assert site.get(made) == made
    assert site.api.do("alice", "GET", f"/v2.0/floatingips?floating_ip_address={made['floating_ip_address']}") == [made]
    assert site.lead(made, description="mail")["description"] == "mail"
    site.api.do("alice", "DELETE", f"/v2.0/floatingips/{made['id']}")
    refused(site.api, 404, "FloatingIPNotFound", "GET", f"/v2.0/floatingips/{made['id']}")
    own = f"/v2.0/ports?device_owner=network:floatingip&network_id={site.net['id']}"
    assert site.api.do("admin", "GET", own) == []


def test_a_foreign_floating_ip_does_not_exist_s054(site: Site) -> None:
    path = f"/v2.0/floatingips/{site.floating()['id']}"
    for method, body in (("GET", None), ("PUT", {"floatingip": {"port_id": None}}), ("DELETE", None)):
        refused(site.api, 404, "FloatingIPNotFound", method, path, body, persona="bob")
    assert site.api.do("bob", "GET", "/v2.0/floatingips") == []


def test_it_leads_to_a_port_and_is_active_once_the_routers_host_says_so(site: Site) -> None:
    made, port = site.floating(), site.port()
    site.api.rung.clear()
    leading = site.lead(made, port_id=port["id"])
    assert "h1" in site.api.rung
    assert (leading["port_id"], leading["router_id"]) == (port["id"], site.router["id"])
    assert leading["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]
    assert leading["port_details"]["device_owner"] == ""
    assert leading["status"] == "DOWN"
    [wired] = Controller(site.api.database, site.api.settings, lambda tx, servers: None).wiring("h1").routers
    [item] = wired.floating_ips
    assert (item.id, item.floating_ip, item.fixed_ip) == (
        made["id"], made["floating_ip_address"], leading["fixed_ip_address"],
    )  # fmt: skip
    report(site.api)
    assert site.get(made)["status"] == "ACTIVE"
    nowhere = site.lead(made, port_id=None)
    assert (nowhere["port_id"], nowhere["router_id"], nowhere["status"]) == (None, None, "DOWN")
    [wired] = Controller(site.api.database, site.api.settings, lambda tx, servers: None).wiring("h1").routers
    assert wired.floating_ips == ()


def test_it_can_lead_somewhere_from_the_start(site: Site) -> None:
    port = site.port(fixed_ips=[{"ip_address": "10.0.0.7"}, {"ip_address": "10.0.0.8"}])
    body = {"floatingip": {"floating_network_id": site.net["id"], "port_id": port["id"]}}
    refused(site.api, 400, "BadRequest", "POST", "/v2.0/floatingips", body)  # which of the two?
    made = site.floating(port_id=port["id"], fixed_ip_address="10.0.0.8")
    assert made["fixed_ip_address"] == "10.0.0.8"
    assert site.floating(port_id=port["id"], fixed_ip_address="10.0.0.7")["port_id"] == port["id"]
    assert site.lead(made, description="kept")["port_id"] == port["id"]


def test_it_needs_a_router_between_c04(site: Site) -> None:
    alone = site.api.port(private(site.api, "10.8.0.0/24")["network_id"])
    made = site.floating()
    body = {"floatingip": {"port_id": alone["id"]}}
    path = f"/v2.0/floatingips/{made['id']}"
    refused(site.api, 404, "ExternalGatewayForFloatingIPNotFound", "PUT", path, body)


def test_an_address_has_one_floating_ip(site: Site) -> None:
    port = site.port()
    first, second = site.floating(port_id=port["id"]), site.floating()
    body = {"floatingip": {"port_id": port["id"]}}
    refused(site.api, 409, "FloatingIPPortAlreadyAssociated", "PUT", f"/v2.0/floatingips/{second['id']}", body)
    assert site.lead(first, port_id=port["id"])["port_id"] == port["id"]  # again, the same


def test_it_leads_to_no_port_of_another_project(site: Site) -> None:
    foreign = site.api.port(private(site.api, "10.8.0.0/24", "bob")["network_id"], "bob")
    path = f"/v2.0/floatingips/{site.floating()['id']}"
    refused(site.api, 404, "PortNotFound", "PUT", path, {"floatingip": {"port_id": foreign["id"]}})


def test_what_is_needed_stays(site: Site) -> None:
    port = site.port()
    made = site.floating(port_id=port["id"])
    path = f"/v2.0/routers/{site.router['id']}"
    refused(site.api, 409, "RouterInterfaceInUseByFloatingIP", "PUT", f"{path}/remove_router_interface",
            {"subnet_id": site.subnet["id"]})  # fmt: skip
    refused(site.api, 409, "RouterExternalGatewayInUseByFloatingIp", "PUT", path,
            {"router": {"external_gateway_info": None}})  # fmt: skip
    [own] = site.api.do("admin", "GET", "/v2.0/ports?device_owner=network:floatingip")
    assert (own["status"], own["device_id"], own["project_id"]) == ("N/A", made["id"], "")
    refused(site.api, 409, "ServicePortInUse", "DELETE", f"/v2.0/ports/{own['id']}", persona="admin")


def test_a_port_that_goes_or_changes_its_address_leaves_it_leading_nowhere(site: Site) -> None:
    first, second = site.port(), site.port()
    made = site.floating(port_id=first["id"])
    site.api.do("alice", "DELETE", f"/v2.0/ports/{first['id']}")
    assert (site.get(made)["port_id"], site.get(made)["status"]) == (None, "DOWN")
    site.lead(made, port_id=second["id"])
    now = second["fixed_ips"][0]["ip_address"]
    change = {"port": {"fixed_ips": [{"ip_address": "10.0.0.99" if now != "10.0.0.99" else "10.0.0.98"}]}}
    site.api.do("alice", "PUT", f"/v2.0/ports/{second['id']}", change)
    assert site.get(made)["port_id"] is None


def test_a_servers_floating_address_is_shown_and_let_go_with_the_server(site: Site) -> None:
    server = new_uuid()
    facade, request = site.api.facade, NetworkRequest(network_id=site.subnet["network_id"])
    run = site.api.database.run
    [port] = run(lambda tx: facade.allocate(tx, context_of("alice"), server, [request]))
    made = site.floating(port_id=port.id)
    with site.api.database.read() as tx:
        fixed, floating = facade.addresses(tx, [server])[server]
    assert (fixed.kind, fixed.ip) == ("fixed", port.fixed_ips[0].ip)
    assert (floating.kind, floating.ip, floating.mac) == ("floating", made["floating_ip_address"], port.mac)
    run(lambda tx: facade.release(tx, server))
    assert site.get(made)["port_id"] is None


def test_an_address_is_the_operators_to_choose(site: Site) -> None:
    named = {"floatingip": {"floating_network_id": site.net["id"], "floating_ip_address": "203.0.113.50"}}
    refused(site.api, 403, "PolicyNotAuthorized", "POST", "/v2.0/floatingips", named)
    made = site.floating("admin", floating_ip_address="203.0.113.50", project_id="p-alice")
    assert (made["floating_ip_address"], made["project_id"]) == ("203.0.113.50", "p-alice")
    refused(site.api, 409, "IpAddressInUse", "POST", "/v2.0/floatingips", named, persona="admin")
    subnet = site.api.do("alice", "GET", f"/v2.0/subnets?network_id={site.net['id']}")[0]
    assert site.floating(subnet_id=subnet["id"])["floating_ip_address"].startswith("203.0.113.")


def test_an_exhausted_pool_is_a_conflict_that_leaves_nothing_f77(api: Api) -> None:
    net = public(api, cidr="203.0.113.0/30")  # one address beside the gateway's
    body = {"floatingip": {"floating_network_id": net["id"]}}
    [made] = [api.do("alice", "POST", "/v2.0/floatingips", body)]
    refused(api, 409, "IpAddressGenerationFailure", "POST", "/v2.0/floatingips", body)
    assert len(api.do("admin", "GET", f"/v2.0/ports?network_id={net['id']}")) == 1
    api.do("alice", "DELETE", f"/v2.0/floatingips/{made['id']}")
    api.do("alice", "POST", "/v2.0/floatingips", body)


@pytest.mark.parametrize("values", [{"fixed_ip_address": "10.0.0.7"}, {"port_id": 7}, {"dns_name": "x"}, {"qos": 1}])
def test_a_body_that_makes_no_sense_is_refused(site: Site, values: dict[str, Any]) -> None:
    body = {"floatingip": {"floating_network_id": site.net["id"], **values}}
    assert site.api.call("alice", "POST", "/v2.0/floatingips", body)[0] == 400


def test_only_external_networks_with_ipv4_have_floating_ips(site: Site) -> None:
    inside = {"floatingip": {"floating_network_id": site.subnet["network_id"]}}
    refused(site.api, 400, "BadRequest", "POST", "/v2.0/floatingips", inside)
    six = site.api.network("admin", **{"router:external": True})
    site.api.subnet(six["id"], "admin", cidr="2001:db8::/64", ip_version=6)
    refused(
        site.api, 400, "BadRequest", "POST", "/v2.0/floatingips", {"floatingip": {"floating_network_id": six["id"]}}
    )


def test_the_quota_of_floating_ips_says_its_limit_and_use(make_api: Callable[..., Api]) -> None:
    api = make_api(floatingips=1)
    net = public(api)
    body = {"floatingip": {"floating_network_id": net["id"]}}
    made = api.do("alice", "POST", "/v2.0/floatingips", body)
    status, answer = api.call("alice", "POST", "/v2.0/floatingips", body)
    assert (status, answer["NeutronError"]["type"]) == (409, "OverQuota")
    assert "limit is 1" in answer["NeutronError"]["message"]
    details = api.do("alice", "GET", "/v2.0/quotas/p-alice/details")
    assert details["floatingip"] == {"limit": 1, "used": 1, "reserved": 0}
    api.do("alice", "DELETE", f"/v2.0/floatingips/{made['id']}")
    assert api.do("alice", "GET", "/v2.0/quotas/p-alice/details")["floatingip"]["used"] == 0
