"""The invariants of RELIABILITY B2 over the evidence: pure functions, each gives what violates it.

A resource that an operation is working on is in transit and is not judged, but for its operation (I-11, I-12).
"""

from __future__ import annotations

from collections.abc import Sequence

from iaas.audit import attachments, exports, guests, ledger, placement, routing, stores, wiring, work
from iaas.audit.evidence import Evidence
from iaas.audit.violation import Check, Violation

__all__ = ["CHECKS", "Violation", "lasting", "violations"]

CHECKS: tuple[Check, ...] = (
    *guests.CHECKS, *attachments.CHECKS, *exports.CHECKS, *placement.CHECKS, *wiring.CHECKS, *routing.CHECKS,
    *ledger.CHECKS, *stores.CHECKS, *work.CHECKS,
)  # fmt: skip


def violations(evidence: Evidence) -> list[Violation]:
    return [violation for check in CHECKS for violation in check(evidence)]


def lasting(before: Sequence[Violation], after: Sequence[Violation]) -> list[Violation]:
    """What was wrong in two looks. Hosts are asked before the database, so in one look what was deleted meanwhile
    seems to be left behind."""
    seen = {(violation.invariant, violation.subject) for violation in before}
    return [violation for violation in after if (violation.invariant, violation.subject) in seen]
