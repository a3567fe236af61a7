"""nft tables of one name in one namespace: loading them in one atomic step, and seeing whether they still are as they
were loaded (F-74). Knows no rule.

The namespace's rules have a number that every change raises. While it is the one after our load nobody has changed
anything, and a look costs the same with one port on the host and with a thousand. Otherwise the kernel's listing is
compared with the one after the load, if there is one: listing costs as much as there are rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iaas.errors import Internal
from iaas.host import netlink, netns
from iaas.host.exec import Runner

_SECONDS = 30.0
_OUTPUT = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What to remember of a load. ``generation``: the rules' number after it, and what it counts from; "" unknown.
    ``listing``: digest of the kernel's listing after it, "" when it was not asked for."""

    generation: str
    listing: str


class Ruleset:
    """``namespace`` None: the agent's own."""

    def __init__(self, runner: Runner, table: str, families: Sequence[str], namespace: str | None = None) -> None:
        self._runner = runner
        self._table = table
        self._families = families
        self._namespace = namespace
        self._seen: tuple[str, str] | None = None  # generation and listing of a later look

    def load(self, text: str) -> Loaded:
        """Puts the whole there. Raises Internal, Timeout."""
        self._run(text)
        generation, listing = self._generation(), self._digest()
        if listing is None:
            raise Internal("the packet filter vanished right after it was loaded")
        return Loaded(generation=generation, listing=listing)

    def change(self, text: str) -> Loaded:
        """Applies a difference to what ``is_as_loaded``. Raises Internal, Timeout."""
        before = self._generation()
        self._run(text)
        now = self._generation()
        alone = _number(now) == _number(before) + 1  # else somebody else changed something meanwhile
        return Loaded(generation=now if alone else "", listing="")

    def is_as_loaded(self, loaded: Loaded) -> bool:
        generation = self._generation()
        if generation == loaded.generation or self._seen == (generation, loaded.listing):
            return True
        if not loaded.listing:
            return False
        now = self._digest()
        self._seen = (generation, now) if now is not None else None
        return now == loaded.listing

    def clear(self) -> None:
        for family in self._families:
            text = f"table {family} {self._table}\ndelete table {family} {self._table}\n"
            self._run(text)

    def _run(self, text: str) -> None:
        self._runner.run(["nft", "-f", "-"], timeout=_SECONDS, input=text, netns=self._namespace)

    def _generation(self) -> str:
        """Boot, namespace, number. One that was made anew counts from the start again. Raises NotFound without it."""
        place = netns.identity(self._namespace or "/proc/thread-self/ns/net")
        if self._namespace is None:
            number = netlink.ruleset_generation()
        else:
            number = netns.inside(self._namespace, netlink.ruleset_generation)
        return f"{_boot()} {place} {number}"

    def _digest(self) -> str | None:
        """Of all tables without their counters; None when one is missing. (A command each: nft 1.0.6 knows only the
        last family of several lists in one.)"""
        if self._namespace is not None and netns.identity(self._namespace) is None:
            return None
        whole = hashlib.sha256()
        for family in self._families:
            argv = ["nft", "-s", "list", "table", family, self._table]
            result = self._runner.run(
                argv, timeout=_SECONDS, ok_codes=(0, 1), max_output=_OUTPUT, netns=self._namespace
            )  # fmt: skip
            if result.code != 0:
                return None
            whole.update(result.stdout.encode())
        return whole.hexdigest()


def _number(generation: str) -> int:
    return int(generation.rpartition(" ")[2])


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
