"""Writing files so that a second run changes nothing and an interrupted one leaves no half file."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, text: str, mode: int = 0o600) -> bool:
    """Makes the file hold ``text`` with exactly these permissions. Returns whether its content changed."""
    if path.is_file() and path.read_text() == text:
        path.chmod(mode)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)  # whatever the umask
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)
    return True


def folder(path: Path, mode: int = 0o700) -> Path:
    """The directory, made if it is missing."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def tail(path: Path, lines: int = 1) -> str:
    """The last lines of a log that say anything, at most 300 characters; empty if there are none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        said = [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return "\n".join(said[-lines:])[-300:]
