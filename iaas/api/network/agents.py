"""/v2.0/agents and /v2.0/availability_zones: the hosts' side as an operator sees it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from iaas.api.network import query
from iaas.api.network.rules import Services
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.errors import Invalid
from iaas.model.network import Agent
from iaas.network import agents

ZONE = "nova"
_FILTERS = ("id", "agent_type", "binary", "host", "topic", "availability_zone", "alive", "admin_state_up")


def show(agent: Agent) -> dict[str, Any]:
    return {
        "id": agent.id,
        "agent_type": agent.kind,
        "binary": agent.binary,
        "topic": agent.topic,
        "host": agent.host,
        "alive": agent.alive,
        "admin_state_up": agent.admin_state_up,
        "availability_zone": ZONE,
        "created_at": _stamp(agent.created_at),
        "started_at": _stamp(agent.started_at),
        "heartbeat_timestamp": _stamp(agent.heartbeat_at),
        "description": agent.description,
        "configurations": dict(agent.configurations),
        "resources_synced": None,
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def list_agents(call: Services) -> dict[str, Any]:
    """Filtered and paged here: there are three a host, and they come from the heartbeats."""
    wanted = query.of_call(call, _FILTERS)
    with call.services.database.read() as tx:
        shown = [show(agent) for agent in agents.listed(tx)]
    for name, values in wanted.filters.items():
        if name in _FILTERS:
            words = {value.lower() for value in values}
            shown = [item for item in shown if str(item[name]).lower() in words]
    for key, direction in reversed(wanted.sort):
        shown.sort(key=lambda item: str(item[key]), reverse=direction == "desc")
    if wanted.marker is not None:
        places = [place for place, item in enumerate(shown) if item["id"] == wanted.marker]
        if not places:
            raise Invalid(f"The marker {wanted.marker[:64]!r} could not be found.", field="marker")
        shown = shown[places[0] + 1 :]
    more = len(shown) > wanted.limit
    return query.answer(call, "agents", shown[: wanted.limit], more, lambda item: item)


def show_agent(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        agent = agents.get(tx, query.ident(call))
    return {"agent": query.pick(call, show(agent))}


def list_zones(call: Services) -> dict[str, Any]:
    zone = {"name": ZONE, "resource": "network", "state": "available"}
    return {"availability_zones": [query.pick(call, zone)]}


_READ = Rule("get_agent", ADMIN)
ROUTES = (
    Route("GET", "/v2.0/agents", list_agents, policy=_READ),
    Route("GET", "/v2.0/agents/<id>", show_agent, policy=_READ),
    Route("GET", "/v2.0/availability_zones", list_zones, policy=Rule("get_availability_zone", ANY)),
)
