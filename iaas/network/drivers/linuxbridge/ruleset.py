"""nft tables of one name in one namespace: loading them in one atomic step, and seeing whether they still are as they
were loaded. Knows no rule.

The kernel's listing right after the load is the measure (F-74). It is asked for again only when the namespace's rules
have changed since, which a number tells: a look costs the same with one port on the host and with a thousand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from iaas.errors import Internal, NotFound
from iaas.host import netlink, netns
from iaas.host.exec import Runner

_SECONDS = 30.0
_OUTPUT = 64 * 1024 * 1024


class Ruleset:
    """``namespace`` None: the agent's own."""

    def __init__(self, runner: Runner, table: str, families: Sequence[str], namespace: str | None = None) -> None:
        self._runner = runner
        self._table = table
        self._families = families
        self._namespace = namespace
        self._seen: tuple[object, str] | None = None  # the rules' generation, and the digest they had at it

    def load(self, text: str) -> str:
        """Replaces what is there; the digest of the kernel's listing afterwards. Raises Internal, Timeout."""
        self._runner.run(["nft", "-f", "-"], timeout=_SECONDS, input=text, netns=self._namespace)
        digest = self._digest()
        if digest is None:
            raise Internal("the packet filter vanished right after it was loaded")
        return digest

    def is_as_loaded(self, digest: str) -> bool:
        """``digest``: what ``load`` gave."""
        generation = self._generation()
        if self._seen == (generation, digest):
            return True
        self._seen = (generation, now) if (now := self._digest()) is not None else None
        return now == digest

    def clear(self) -> None:
        for family in self._families:
            text = f"table {family} {self._table}\ndelete table {family} {self._table}\n"
            self._runner.run(["nft", "-f", "-"], timeout=_SECONDS, input=text, netns=self._namespace)

    def _generation(self) -> object:
        """Compared only. A namespace that was made anew counts from the start again."""
        if self._namespace is None:
            return netlink.ruleset_generation()
        try:
            return netns.identity(self._namespace), netns.inside(self._namespace, netlink.ruleset_generation)
        except NotFound:
            return None

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
