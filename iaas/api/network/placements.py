"""Which agents serve which networks and routers: what `network agent list --router` and its like ask. Read only: the
platform places them by itself."""

from __future__ import annotations

from typing import Any

from iaas.api.network import networks as networks_api
from iaas.api.network import query
from iaas.api.network import routers as routers_api
from iaas.api.network.agents import show as show_agent
from iaas.api.network.rules import Services
from iaas.api.route import ADMIN, Route, Rule
from iaas.db.network import hosts as hosts_db
from iaas.db.network import networks as networks_db
from iaas.db.network import routers as routers_db
from iaas.model.service import DHCP, L3
from iaas.network import agents


def agents_of_router(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        router = routers_db.get(tx, query.ident(call), call.context)
        found = agents.of_host(tx, router.host, L3)
    return {"agents": [query.pick(call, {**show_agent(agent), "ha_state": None}) for agent in found]}


def agents_of_network(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        network = networks_db.get(tx, query.ident(call), call.context)
        found = agents.of_host(tx, hosts_db.dhcp_host(tx, network.id), DHCP)
    return {"agents": [query.pick(call, show_agent(agent)) for agent in found]}


def routers_of_agent(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        agent = agents.get(tx, query.ident(call))
        found = routers_db.on_host(tx, agent.host) if agent.kind == agents.ROLES[L3][0] else []
    return {"routers": [query.pick(call, routers_api.show(router)) for router in found]}


def networks_of_agent(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        agent = agents.get(tx, query.ident(call))
        served = hosts_db.served_by(tx, agent.host) if agent.kind == agents.ROLES[DHCP][0] else []
        found = networks_db.by_ids(tx, served)
    return {"networks": [query.pick(call, networks_api.show(found[id])) for id in served if id in found]}


ROUTES = (
    Route("GET", "/v2.0/routers/<id>/l3-agents", agents_of_router, policy=Rule("get_l3-agents", ADMIN)),
    Route("GET", "/v2.0/networks/<id>/dhcp-agents", agents_of_network, policy=Rule("get_dhcp-agents", ADMIN)),
    Route("GET", "/v2.0/agents/<id>/l3-routers", routers_of_agent, policy=Rule("get_l3-routers", ADMIN)),
    Route("GET", "/v2.0/agents/<id>/dhcp-networks", networks_of_agent, policy=Rule("get_dhcp-networks", ADMIN)),
)
