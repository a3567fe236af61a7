"""Slows down the guessing of passwords: per account and source, in this process, bounded (S-042, decision 0022).

Kept out of the database on purpose: failed logins must not be a way to write to it. Somebody who guesses from
one address does not lock out the account's owner at another.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

from iaas.clock import Clock

FREE = 5  # failures without a delay
LONGEST = 60.0  # seconds
MEMORY = 900.0  # seconds after which failures are forgotten
CAPACITY = 10_000


@dataclass
class _Failures:
    count: int
    last: float


class Throttle:
    def __init__(self, clock: Clock, attempts: int = 0, locked: float = 0.0) -> None:
        """``attempts``: failures after which a source is kept out for ``locked`` seconds; 0: growing delays."""
        self._clock, self._attempts, self._locked = clock, attempts, locked
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def is_open(self, account: str, source: str, lockable: bool = True) -> bool:
        """Whether a try is let through now: after five failures only each 1, 2, 4 … 60 seconds. Who is not
        ``lockable`` has the delays, whatever the operator's rule."""
        now = self._clock.monotonic()
        with self._lock:
            failures = self._known.get((account, _network(source)))
            if failures is None:
                return True
            if self._attempts and lockable:
                return failures.count < self._attempts or now - failures.last >= self._locked
            return failures.count < FREE or now - failures.last >= min(LONGEST, 2.0 ** min(failures.count - FREE, 16))

    def failed(self, account: str, source: str) -> None:
        now, source = self._clock.monotonic(), _network(source)
        with self._lock:
            failures = self._known.pop((account, source), None)
            if failures is None or now - failures.last > max(MEMORY, self._locked):
                failures = _Failures(0, now)
            failures.count, failures.last = failures.count + 1, now
            self._known[account, source] = failures
            while len(self._known) > CAPACITY:
                self._known.popitem(last=False)

    def succeeded(self, account: str, source: str) -> None:
        with self._lock:
            self._known.pop((account, _network(source)), None)


def _network(source: str) -> str:
    """Of an IPv6 address its /64, which is the least that anybody gets: otherwise each guess could come from an address
    of its own. Anything else is itself."""
    try:
        address = ipaddress.IPv6Address(source.partition("%")[0])
    except ValueError:
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
