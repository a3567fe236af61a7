"""The one kind of error that a user of devstack sees: what failed, and which log tells more."""

from __future__ import annotations

from pathlib import Path


class Failure(Exception):
    """``what`` completes the sentence "failed: …"; ``log`` is the file to read, if one knows more."""

    def __init__(self, what: str, log: Path | None = None) -> None:
        super().__init__(what)
        self.what, self.log = what, log

    def line(self) -> str:
        """The one line for the user."""
        return " ".join(self.what.split()) + (f"; read {self.log}" if self.log else "")
