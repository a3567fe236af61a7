"""The packet filter in the kernel: load, compare, forget flows. The text comes from nft_rules.py.

The rules stand when the agent is gone and are replaced in one atomic step, never removed (S-078). Whether
they are still what was loaded is ruleset.py's to see (F-74).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from iaas import failpoints
from iaas.host.exec import Runner
from iaas.network.agent.steps import Filter
from iaas.network.drivers.linuxbridge import nft_rules
from iaas.network.drivers.linuxbridge.records import Records
from iaas.network.drivers.linuxbridge.ruleset import Ruleset

_RECORD = "filter"
_SECONDS = 30.0
_OUTPUT = 64 * 1024 * 1024
_ONE_BY_ONE = 8  # so many addresses of a zone are forgotten singly; more: the zone as a whole


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    filter: Filter
    text: str  # digest of the text: another version of this software may word the same filter differently
    listing: str  # digest of the kernel's listing after the load


class PacketFilter:
    """``mark`` names the tables: two agents on one machine have two."""

    def __init__(self, runner: Runner, records: Records, mark: str) -> None:
        self._runner = runner
        self._records = records
        self._mark = mark
        self._table = nft_rules.table_name(mark)
        self._rules = Ruleset(runner, self._table, ("bridge", "inet"))
        self._sound: _Loaded | None = None  # the record whose text was compared last

    def found(self) -> tuple[Filter | None, bool]:
        """(the filter loaded last, whether it is in force unchanged)"""
        loaded = self._records.read(None, _RECORD, _Loaded)
        if loaded is None:
            return None, False
        if loaded != self._sound and _digest(nft_rules.render(loaded.filter, self._mark)) != loaded.text:
            return loaded.filter, False
        self._sound = loaded
        return loaded.filter, self._rules.is_as_loaded(loaded.listing)

    def load(self, wanted: Filter, forget: tuple[tuple[int, str], ...]) -> None:
        """The record is written last: after a crash in between the load and the forgetting are done again."""
        text = nft_rules.render(wanted, self._mark)
        failpoints.hit("network.agent.before_filter")
        listing = self._rules.load(text)
        failpoints.hit("network.agent.after_filter")
        self._forget(forget)
        self._records.write(None, _RECORD, _Loaded(filter=wanted, text=_digest(text), listing=listing))

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
