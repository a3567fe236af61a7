"""Does a token hold now? Its text is opened here, its standing read from the database, at most a second ago.

Every API daemon validates by itself: no call to another process, one look at the database (S-028 to S-033).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta

from iaas.clock import Clock
from iaas.db.engine import Database, Tx
from iaas.db.identity.access import Standing, standing
from iaas.errors import Unauthenticated
from iaas.identity.tokens import REFUSED, TokenCodec
from iaas.model.token import Access, Claims, ScopeKind

FRESH = 1.0  # seconds that an answer is used again: the longest that a revoked token can live on
CAPACITY = 4096


@dataclass(frozen=True)
class _Known:
    until: float  # monotonic
    access: Access


class Validator:
    """Thread-safe. The memory is bounded and keyed by a digest, so that it holds no token."""

    def __init__(self, database: Database, codec: TokenCodec, clock: Clock) -> None:
        self._database, self._codec, self._clock = database, codec, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def access(self, token: str, fresh: bool = False, late: timedelta = timedelta()) -> Access:
        """Raises Unauthenticated. ``fresh`` never answers from memory: for a rescope, which outlives it. ``late``: how
        long ago the token may have expired; revoked ones are known for ``GRACE`` after their end, no longer."""
        key = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        started = self._clock.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is not None and not fresh and started < known.until:
            self._check_time(known.access.claims, late)
            return known.access
        claims = self._codec.open(token)
        self._check_time(claims, late)
        with self._database.read() as tx:
            access = confirmed(tx, claims)
        self._remember(key, _Known(started + FRESH, access))
        return access

    def forget(self) -> None:
        """Drops the memory: a change made by this very process is seen at once."""
        with self._lock:
            self._known.clear()

    def _check_time(self, claims: Claims, late: timedelta) -> None:
        if self._clock.now() >= claims.expires_at + late:
            raise Unauthenticated(REFUSED)

    def _remember(self, key: bytes, known: _Known) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = known
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)


def confirmed(tx: Tx, claims: Claims) -> Access:
    """The claims with what the database says. Raises Unauthenticated when they don't hold any more."""
    found = standing(tx, claims.user_id, claims.scope, claims.delegation, claims)
    if not holds(found, claims) or found is None:
        raise Unauthenticated(REFUSED)
    return found.access(claims)


def holds(found: Standing | None, claims: Claims) -> bool:
    if found is None or not found.enabled or found.revoked:
        return False
    if found.valid_after is not None and claims.issued_at <= found.valid_after:
        return False
    return bool(found.roles) or claims.scope.kind is ScopeKind.UNSCOPED
