"""Where servers may be against where they are: server groups, aggregates, records of moves. I-07, I-12."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from iaas.audit.evidence import Evidence
from iaas.audit.violation import Violation
from iaas.model.aggregate import ZONE
from iaas.model.server_group import AFFINITY, ANTI_AFFINITY


def groups_are_kept(evidence: Evidence) -> Iterator[Violation]:
    """I-07: a server's group is there, and the rule of a strict group holds for its settled servers (F-81)."""
    groups = {group.id: group for group in evidence.facts.groups}
    hosts: dict[str, Counter[str]] = defaultdict(Counter)
    for server in evidence.facts.servers:
        if server.group_id is None:
            continue
        if server.group_id not in groups:
            text = f"is in a server group that there is not: {server.group_id}"
            yield Violation(invariant="I-07", subject=f"server {server.id}", text=text)
        elif server.host and server.task is None:
            hosts[server.group_id][server.host] += 1
    for id, group in groups.items():
        most = max(hosts[id].values(), default=0)
        if group.policy == AFFINITY and len(hosts[id]) > 1:
            text = f"is of affinity and on {len(hosts[id])} hosts"
            yield Violation(invariant="I-07", subject=f"server group {id}", text=text)
        if group.policy == ANTI_AFFINITY and most > group.rules.get("max_server_per_host", 1):
            text = f"is of anti-affinity and has {most} servers on one host"
            yield Violation(invariant="I-07", subject=f"server group {id}", text=text)


def aggregates_have_hosts(evidence: Evidence) -> Iterator[Violation]:
    """I-07: the hosts of aggregates are there, and each is in one zone."""
    known = {node.host for node in evidence.facts.nodes}
    for host, metadata in evidence.facts.aggregates.items():
        zones = {item[ZONE] for item in metadata if ZONE in item}
        if host not in known:
            yield Violation(invariant="I-07", subject=f"host {host}", text="is in an aggregate, and there is none such")
        if len(zones) > 1:
            text = f"is in several zones: {', '.join(sorted(zones))}"
            yield Violation(invariant="I-07", subject=f"host {host}", text=text)


def moves_go_on(evidence: Evidence) -> Iterator[Violation]:
    """I-12: a move that its record says is under way has an operation on its server."""
    worked_on = {row.resource_id for row in evidence.facts.operations}
    for row in evidence.facts.migrations:
        if row.server_id not in worked_on:
            text = f"is {row.status} and nobody works on its server"
            yield Violation(invariant="I-12", subject=f"migration {row.id}", text=text)


CHECKS = (groups_are_kept, aggregates_have_hosts, moves_go_on)
