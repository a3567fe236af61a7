"""Microversions: an ordered pair of numbers, and its negotiation by header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from iaas.errors import Error, Invalid


class NotAcceptable(Error):
    """The asked microversion is outside the range: 406."""

    kind = "not_acceptable"


@dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Version:
        match = re.fullmatch(r"([1-9]\d{0,3})\.(0|[1-9]\d{0,3})", text)
        if not match:
            raise Invalid(
                f"API Version String {text[:32]!r} is of invalid format. Must be of format MajorNum.MinorNum."
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@dataclass(frozen=True)
class Microversions:
    """The range of one API. ``service`` is the word in the OpenStack-API-Version header."""

    service: str
    minimum: str
    maximum: str
    legacy_header: str | None = None  # X-OpenStack-Nova-API-Version

    def negotiate(self, headers: Mapping[str, str]) -> Version:
        """The version that the headers ask for, the minimum without one. Raises Invalid or NotAcceptable."""
        asked = None
        for part in headers.get("OpenStack-API-Version", "").split(","):
            words = part.split()
            if len(words) == 2 and words[0].lower() == self.service:
                asked = words[1]
        if asked is None and self.legacy_header:
            asked = headers.get(self.legacy_header)
        low, high = Version.parse(self.minimum), Version.parse(self.maximum)
        if asked is None:
            return low
        version = high if asked.lower() == "latest" else Version.parse(asked)
        if not low <= version <= high:
            raise NotAcceptable(
                f"Version {version} is not supported by the API. Minimum is {low} and maximum is {high}."
            )
        return version

    def headers(self, version: Version) -> dict[str, str]:
        answer = {"OpenStack-API-Version": f"{self.service} {version}", "Vary": "OpenStack-API-Version"}
        if self.legacy_header:
            answer[self.legacy_header] = str(version)
            answer["Vary"] += f", {self.legacy_header}"
        return answer
