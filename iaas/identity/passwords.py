"""Hashes of passwords and secrets: bcrypt over a SHA-256. Knows no user and no database.

bcrypt looks at 72 bytes and stops at a NUL; the base64 of a SHA-256 has 44 and none, so that every byte of a
password counts (S-043). A check without a hash costs what one with a hash does (S-041). A secret that was
generated here is too long to be guessed: of it the SHA-256 is enough, and a program's login costs next to nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

import bcrypt

from iaas.errors import Invalid

LIMIT = 4096  # bytes
_SCHEME = "sha256:"
_GENERATED = "generated:"


class Passwords:
    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def hash(self, password: str) -> str:
        """Raises Invalid for an empty password or one over 4 KiB."""
        return _SCHEME + bcrypt.hashpw(_digest(password), bcrypt.gensalt(self._rounds)).decode()

    def generate(self) -> tuple[str, str]:
        """A new secret of 86 characters, and its hash."""
        secret = secrets.token_urlsafe(64)
        return secret, _GENERATED + _digest(secret).decode()

    def check(self, password: str, stored: str | None) -> bool:
        """Whether the password is the stored one's; without a stored one False, after the same work."""
        digest = _digest(password)
        if stored is not None and stored.startswith(_GENERATED):
            if hmac.compare_digest(digest, stored[len(_GENERATED) :].encode()):
                return True
            stored = None  # a wrong one costs the same as every other wrong one
        if stored is None or not stored.startswith(_SCHEME):
            bcrypt.hashpw(digest, bcrypt.gensalt(self._rounds))
            return False
        known = stored[len(_SCHEME) :].encode()
        return hmac.compare_digest(bcrypt.hashpw(digest, known), known)


def _digest(password: str) -> bytes:
    data = password.encode()
    if not data:
        raise Invalid("A password can't be empty.", field="password")
    if len(data) > LIMIT:
        raise Invalid(f"A password has at most {LIMIT} bytes.", field="password")
    return base64.b64encode(hashlib.sha256(data).digest())
