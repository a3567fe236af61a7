"""More than one method (MFA): a user's rules say which methods together are enough, and whoever has proven some of
them gets a receipt for these, with which the others can follow within five minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from iaas.db.engine import Database
from iaas.db.identity.access import standing
from iaas.errors import Unauthenticated
from iaas.identity.methods.credentials import Proof
from iaas.identity.tickets import TicketDesk
from iaas.identity.tokens import REFUSED
from iaas.model.token import UNSCOPED, Named

LIFE = timedelta(seconds=300)
_PURPOSE = "login.receipt"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    text: str = field(repr=False)
    user: Named
    methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    required: tuple[tuple[str, ...], ...]


class MoreNeeded(Unauthenticated):
    """What was proven is right and not enough."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__("More authentication methods are needed.")
        self.receipt = receipt


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    user_id: str
    methods: list[str]
    since: float  # seconds since 1970


class Receipts:
    def __init__(self, database: Database, tickets: TicketDesk) -> None:
        self._database, self._tickets = database, tickets

    def added(self, proof: Proof, text: str) -> Proof:
        """The proof with what the receipt says besides. Raises Unauthenticated."""
        content = msgspec.json.decode(self._tickets.open(_PURPOSE, text), type=_Content)
        if content.user_id != proof.login.user_id:
            raise Unauthenticated(REFUSED)
        methods = tuple(dict.fromkeys((*content.methods, *proof.methods)))
        return replace(proof, methods=methods, since=datetime.fromtimestamp(content.since, UTC))

    def check(self, proof: Proof) -> None:
        """Raises MoreNeeded when none of the user's rules is met, with a receipt for what was proven."""
        required = rules(proof.login.options)
        if not required or any(set(rule) <= set(proof.methods) for rule in required):
            return
        if proof.parent is not None or proof.credential is not None:
            raise Unauthenticated(REFUSED)  # a receipt would forget whose child the token has to be
        with self._database.read() as tx:
            found = standing(tx, proof.login.user_id, UNSCOPED)
        if found is None or not found.enabled:
            raise Unauthenticated(REFUSED)
        since = proof.since or proof.at
        content = _Content(proof.login.user_id, list(proof.methods), since.timestamp())
        text = self._tickets.issue(_PURPOSE, msgspec.json.encode(content).decode(), int(LIFE.total_seconds()))
        raise MoreNeeded(Receipt(
            text=text, user=found.user, methods=proof.methods, issued_at=proof.at, expires_at=proof.at + LIFE,
            required=required,
        ))  # fmt: skip


def rules(options: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The combinations of methods that are enough for the user; none: any method is."""
    if not options.get("multi_factor_auth_enabled"):
        return ()
    found = options.get("multi_factor_auth_rules") or ()
    return tuple(tuple(rule) for rule in found if rule)
