"""What is counted against what there is: claims on hosts, and quotas. I-07, I-08."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from iaas.audit.evidence import Evidence
from iaas.audit.guests import places
from iaas.audit.violation import Violation
from iaas.model.aggregate import ratio
from iaas.model.flavor import Flavor

_RESOURCES = (("cpu", "vCPU"), ("ram", "MiB"), ("disk", "GiB"))


def claims_have_servers(evidence: Evidence) -> Iterator[Violation]:
    """I-07: each claim is a server's on its host, as large as its flavor; each settled server has its claim."""
    servers = {server.id: server for server in evidence.facts.servers}
    held = set()
    for claim in evidence.facts.allocations:
        held.add((claim.server_id, claim.host))
        server = servers.get(claim.server_id)
        subject = f"claim of {claim.server_id} on {claim.host}"
        if server is None or (server.task is None and claim.host not in places(server)):
            yield Violation(invariant="I-07", subject=subject, text="has no server there")
            continue
        flavor = Flavor(**(server.old_flavor if claim.host != server.host and server.old_flavor else server.flavor))
        claimed = (claim.vcpus, claim.ram_mb, claim.disk_gb)
        needed = tuple(flavor.claims(root=server.image_id is not None).values())
        twice = server.state == "resized" and server.old_host == server.host  # holds the larger of its two flavors
        if server.task is None and claimed != needed and not twice:
            text = f"is of {claimed} (vCPU, MiB, GiB), its server needs {needed}"
            yield Violation(invariant="I-07", subject=subject, text=text)
    for server in evidence.facts.servers:
        for host in places(server) if server.task is None else ():
            if (server.id, host) not in held:
                yield Violation(invariant="I-07", subject=f"server {server.id}", text=f"has no claim on {host}")


def hosts_add_up(evidence: Evidence) -> Iterator[Violation]:
    """I-07: what a host is said to use is the sum of the claims on it, and no more than it may promise."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for claim in evidence.facts.allocations:
        for index, amount in enumerate((claim.vcpus, claim.ram_mb, claim.disk_gb, 1)):
            sums[claim.host][index] += amount
    for node in evidence.facts.nodes:
        subject, said = f"host {node.host}", [node.vcpus_used, node.ram_mb_used, node.disk_gb_used, node.servers]
        if said != sums[node.host]:
            text = f"says {said} used (vCPU, MiB, GiB, servers), the claims are {sums[node.host]}"
            yield Violation(invariant="I-07", subject=subject, text=text)
        present = (node.vcpus, node.ram_mb, node.disk_gb)
        mine = evidence.facts.aggregates.get(node.host, ())
        for used, have, default, (resource, unit) in zip(
            sums[node.host], present, evidence.ratios, _RESOURCES, strict=False
        ):
            promised = ratio(resource, mine, default)
            if used > have * promised:
                text = f"has {have} {unit}, times {promised:g}, and {used} are claimed"
                yield Violation(invariant="I-07", subject=subject, text=text)


def quotas_add_up(evidence: Evidence) -> Iterator[Violation]:
    """I-08: the counters are what counting the rows gives."""
    usage, counted = evidence.facts.usage, evidence.facts.counted
    for owner, resource in sorted(usage.keys() | counted.keys()):
        said, true = usage.get((owner, resource), 0), counted.get((owner, resource), 0)
        if said != true:
            text = f"the counter says {said}, there are {true}"
            yield Violation(invariant="I-08", subject=f"quota {resource} of {owner}", text=text)


CHECKS = (claims_have_servers, hosts_add_up, quotas_add_up)
