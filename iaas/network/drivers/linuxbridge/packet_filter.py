"""The packet filter in the kernel: load, compare, forget flows. The text comes from nft_rules.py.

The rules stand when the agent is gone and are changed or replaced in one atomic step, never removed (S-078).
Whether they are still what was loaded is ruleset.py's to see (F-74).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from iaas import failpoints
from iaas.host.exec import Runner
from iaas.network.agent.steps import Filter
from iaas.network.drivers.linuxbridge import nft_rules, nft_text
from iaas.network.drivers.linuxbridge.nft_text import Table
from iaas.network.drivers.linuxbridge.records import Records
from iaas.network.drivers.linuxbridge.ruleset import Loaded, Ruleset

_RECORD = "filter"
_SECONDS = 30.0
_OUTPUT = 64 * 1024 * 1024
_ONE_BY_ONE = 8  # so many addresses of a zone are forgotten singly; more: the zone as a whole


@dataclass(frozen=True, kw_only=True)
class _InForce:
    filter: Filter
    text: str  # digest of the text: another version of this software may word the same filter differently
    loaded: Loaded


class PacketFilter:
    """``mark`` names the tables: two agents on one machine have two."""

    def __init__(self, runner: Runner, records: Records, mark: str) -> None:
        self._runner = runner
        self._records = records
        self._mark = mark
        self._table = nft_rules.table_name(mark)
        self._rules = Ruleset(runner, self._table, ("bridge", "inet"))
        self._sound: tuple[_InForce, tuple[Table, ...]] | None = None  # the record whose text was compared last

    def found(self) -> tuple[Filter | None, bool]:
        """(the filter loaded last, whether it is in force unchanged)"""
        before = self._before()
        return (before.filter, self._tables(before) is not None) if before else (None, False)

    def load(self, wanted: Filter, forget: tuple[tuple[int, str], ...]) -> None:
        """The record is written last: after a crash in between the load and the forgetting are done again."""
        before = self._before()
        there = self._tables(before) if before else None
        now = nft_rules.tables(wanted, self._mark)
        text = nft_text.render(now)
        change = nft_text.difference(there, now) if there is not None else None
        failpoints.hit("network.agent.before_filter")
        if before is not None and change == "":
            loaded = before.loaded
        else:
            loaded = self._rules.load(text) if change is None else self._rules.change(change)
        failpoints.hit("network.agent.after_filter")
        self._forget(forget)
        done = _InForce(filter=wanted, text=_digest(text), loaded=loaded)
        self._records.write(None, _RECORD, done)
        self._sound = (done, now)

    def _before(self) -> _InForce | None:
        return self._records.read(None, _RECORD, _InForce)

    def _tables(self, before: _InForce) -> tuple[Table, ...] | None:
        """What was loaded, when it still is in force."""
        if self._sound is None or self._sound[0] != before:
            tables = nft_rules.tables(before.filter, self._mark)
            if _digest(nft_text.render(tables)) != before.text:
                return None
            self._sound = (before, tables)
        return self._sound[1] if self._rules.is_as_loaded(before.loaded) else None

    def taps(self) -> tuple[str, ...]:
        """The taps that the kernel's rules know."""
        argv = ["nft", "list", "map", "bridge", self._table, "ports"]
        result = self._runner.run(argv, timeout=_SECONDS, ok_codes=(0, 1), max_output=_OUTPUT)
        return tuple(sorted(set(re.findall(r'"(tap[^"]+)"', result.stdout))))

    def clear(self) -> None:
        """Takes the tables away: for tests, and for an operator who takes the agent off a host."""
        self._rules.clear()

    def _forget(self, flows: tuple[tuple[int, str], ...]) -> None:
        """conntrack ends with 1 when it found none."""
        zones: dict[int, list[str]] = {}
        for zone, ip in flows:
            zones.setdefault(zone, []).append(ip)
        for zone, ips in zones.items():
            choices = [[end, ip] for ip in ips for end in ("--orig-src", "--orig-dst")]
            if zone and len(ips) > _ONE_BY_ONE:
                choices = [["--family", "ipv4"], ["--family", "ipv6"]]
            for choice in choices:
                family = ["--family", "ipv6"] if ":" in choice[1] else []
                argv = ["conntrack", "-D", "--zone", str(zone), *family, *choice]
                self._runner.run(argv, timeout=_SECONDS, ok_codes=(0, 1))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
