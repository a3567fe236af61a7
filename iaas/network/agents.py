"""The agents as the API lists them: the roles of the one daemon on each host, known by its heartbeats."""

from __future__ import annotations

import uuid
from datetime import datetime

from iaas.db import services as services_db
from iaas.db.engine import Tx
from iaas.db.network import hosts as hosts_db
from iaas.errors import NotFound
from iaas.model.network import Agent
from iaas.model.service import DHCP, L2, L3, METADATA, Service

# role -> (agent_type, binary, topic) as clients know them
ROLES = {
    L2: ("Linux bridge agent", "neutron-linuxbridge-agent", "N/A"),
    DHCP: ("DHCP agent", "neutron-dhcp-agent", "dhcp_agent"),
    L3: ("L3 agent", "neutron-l3-agent", "l3_agent"),
    METADATA: ("Metadata agent", "neutron-metadata-agent", "N/A"),
}


def listed(tx: Tx) -> list[Agent]:
    """Of all hosts, by host and role."""
    now = tx.now()
    found = services_db.all_of(tx, binary=hosts_db.AGENT)
    return [_agent(service, kind, now) for service in found for role, kind in ROLES.items() if service.has_role(role)]


def of_host(tx: Tx, host: str | None, role: str) -> list[Agent]:
    """The agent of that role there, if there is one."""
    found = services_db.all_of(tx, binary=hosts_db.AGENT, host=host) if host else []
    return [_agent(service, ROLES[role], tx.now()) for service in found if service.has_role(role)]


def get(tx: Tx, id: str) -> Agent:
    """Raises NotFound."""
    for agent in listed(tx):
        if agent.id == id:
            return agent
    raise NotFound(f"Agent {id} could not be found.", resource="agent", id=id, code="AgentNotFound")


def _agent(service: Service, role: tuple[str, str, str], now: datetime) -> Agent:
    kind, binary, topic = role
    return Agent(
        id=str(uuid.uuid5(uuid.UUID(service.id), kind)),
        kind=kind,
        binary=binary,
        topic=topic,
        host=service.host,
        alive=service.is_up(now),
        admin_state_up=not service.disabled,
        created_at=service.started_at,
        started_at=service.started_at,
        heartbeat_at=service.last_seen,
        description=service.disabled_reason,
    )
