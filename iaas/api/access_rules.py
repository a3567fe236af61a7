"""Do the access rules of an application credential let a request through? Every API asks before anything else.

A rule's path is literal but for ``*`` and ``{name}`` (one or more characters, no slash) and ``**`` (any characters).
It meets the path as the routes see it, decoded once; a path that has more than one spelling meets no rule (S-036).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

# The daemon's word for its API -> the service types that its rules may name.
SERVICE_TYPES = {
    "volume": frozenset({"block-storage", "volumev3", "volumev2", "volume", "block-store"}),
}
_PART = re.compile(r"\{[^{}/]*\}|\*\*|\*|.", re.DOTALL)
_UNCLEAR = re.compile(r"//|/\.{1,2}(/|$)|[\\%\x00-\x1f\x7f]")


def permits(rules: Iterable[tuple[str, str, str]], service: str, method: str, path: str) -> bool:
    """``rules``: (service type, method, path). ``path``: of the whole URL, percent-decoded."""
    if _UNCLEAR.search(path):
        return False
    plain = path.rstrip("/") or "/"
    types = SERVICE_TYPES.get(service, frozenset({service}))
    return any(kind in types and verb == method and _pattern(pattern).matches(plain) for kind, verb, pattern in rules)


class _Pattern:
    """All places of the pattern where the text may be, as the bits of one number: no text takes more than one step
    a character, which a regular expression can't promise for ``**`` many times over."""

    def __init__(self, text: str) -> None:
        self._literal: dict[str, int] = {}
        self._one = self._within = self._across = 0  # places: one character; repeats but for "/"; repeats
        place = 1
        for part in _PART.findall(text):
            if part == "**":
                self._across |= place
            elif part == "*" or len(part) > 1:
                self._one |= place
                place <<= 1
                self._within |= place
            else:
                self._literal[part] = self._literal.get(part, 0) | place
            place <<= 1
        self._end = place

    def matches(self, text: str) -> bool:
        places = self._skipping(1)
        for letter in text:
            stays, moves = places & self._across, places & self._literal.get(letter, 0)
            if letter != "/":
                stays |= places & self._within
                moves |= places & self._one
            places = self._skipping(stays | moves << 1)
            if not places:
                return False
        return bool(places & self._end)

    def _skipping(self, places: int) -> int:
        """Also the places after repetitions, which may be of nothing."""
        while more := (places & (self._within | self._across)) << 1 & ~places:
            places |= more
        return places


@lru_cache(maxsize=512)
def _pattern(text: str) -> _Pattern:
    return _Pattern(text)
