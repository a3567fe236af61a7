"""Tickets: sealed texts that open one thing for a short while, and are no login. They need no row and no user.

Sealed with the token keys and yet never taken for a token, nor a token for a ticket: what is inside begins otherwise.
"""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec
from cryptography.fernet import InvalidToken

from iaas.clock import Clock
from iaas.errors import Unauthenticated
from iaas.identity.keys import KeyRing
from iaas.identity.tokens import REFUSED

PREFIX = "ticket."
_MAX_LENGTH = 2048
_TEXT = re.compile(r"ticket\.[A-Za-z0-9_-]+")


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    purpose: str
    subject: str
    expires: float  # seconds since 1970


class TicketDesk:
    def __init__(self, keys: KeyRing, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def issue(self, purpose: str, subject: str, ttl_s: int) -> str:
        """``purpose``: what may be done with ``subject``. Raises Unavailable without keys."""
        expires = (self._clock.now() + timedelta(seconds=ttl_s)).timestamp()
        sealed = self._keys.ring().encrypt(msgspec.json.encode(_Content(purpose, subject, expires)))
        return PREFIX + sealed.decode().rstrip("=")

    def open(self, purpose: str, text: str) -> str:
        """The subject of a ticket for this purpose that still holds. Raises Unauthenticated."""
        if len(text) > _MAX_LENGTH or not _TEXT.fullmatch(text):
            raise Unauthenticated(REFUSED)
        sealed = text.removeprefix(PREFIX)
        try:
            data = self._keys.ring().decrypt(sealed + "=" * (-len(sealed) % 4))
            content = msgspec.json.decode(data, type=_Content)
        except (InvalidToken, msgspec.MsgspecError, UnicodeDecodeError):
            raise Unauthenticated(REFUSED) from None
        if content.purpose != purpose or content.expires <= self._clock.now().timestamp():
            raise Unauthenticated(REFUSED)
        return content.subject
