"""Work that is under way: operations against the resources that they work on, and dead letters. I-11, I-12, I-13."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from iaas.audit.evidence import Evidence
from iaas.audit.violation import GRACE, Violation
from iaas.model.operation import FILLS, NO_TURN

UNFINISHED = ("building", "new")  # states that only an operation leaves


def tasks_have_operations(evidence: Evidence) -> Iterator[Violation]:
    """I-12: what is in a transitional state has one live operation, and an operation has something to work on."""
    having = [row for row in evidence.facts.operations if row.fence != NO_TURN]
    busy = Counter((row.resource_type, row.resource_id) for row in having)
    # An attachment's operation has its turn on the server, and works on the volume from the beginning on.
    busy += Counter(("volume", row.params["volume_id"]) for row in evidence.facts.operations if _attaches(row))
    under_way = set()
    facts = evidence.facts
    for kind, rows in (("server", facts.servers), ("volume", facts.volumes), ("snapshot", facts.snapshots)):
        for row in rows:
            subject, number = f"{kind} {row.id}", busy[kind, row.id]
            if row.task:
                under_way.add((kind, row.id))
            if (row.task or row.state in UNFINISHED) and not number:
                yield Violation(invariant="I-12", subject=subject, text=f"{row.task or row.state} with no operation")
            if number > 1:
                yield Violation(invariant="I-12", subject=subject, text=f"has {number} operations at once")
    for operation in having:
        if (operation.resource_type, operation.resource_id) not in under_way:
            yield Violation(invariant="I-12", subject=_name(operation), text="has nothing to work on")


def operations_go_on(evidence: Evidence) -> Iterator[Violation]:
    """I-11, I-12: no operation is past its deadline, or due without anybody who takes it up."""
    now = evidence.facts.now
    for operation in evidence.facts.operations:
        due = operation.lease_until or operation.wake_at or operation.created_at
        if due < now - GRACE:
            yield Violation(invariant="I-12", subject=_name(operation), text="is due and nobody takes it up")
        if operation.deadline and operation.deadline < now - GRACE:
            yield Violation(invariant="I-11", subject=_name(operation), text="is past its deadline")


def images_are_filled(evidence: Evidence) -> Iterator[Violation]:
    """I-10, I-12: a queued image that is to become a copy of a server has an operation that fills it."""
    filled = {operation.params.get(FILLS) for operation in evidence.facts.operations}
    for image_id, server_id in sorted(evidence.facts.promised.items()):
        if image_id not in filled:
            text = f"waits for a copy of server {server_id}, and nobody makes it"
            yield Violation(invariant="I-12", subject=f"image {image_id}", text=text)


def nothing_is_dead_lettered(evidence: Evidence) -> Iterator[Violation]:
    """I-13: the dead-letter queue is empty."""
    if evidence.dead_letters:
        text = f"{evidence.dead_letters} messages that nobody could handle"
        yield Violation(invariant="I-13", subject="dead-letter queue", text=text)


def _attaches(operation: Any) -> bool:
    return operation.kind in ("server.attach_volume", "server.detach_volume")


def _name(operation: Any) -> str:
    return f"operation {operation.id} ({operation.kind} of {operation.resource_id})"


CHECKS = (tasks_have_operations, operations_go_on, images_are_filled, nothing_is_dead_lettered)
