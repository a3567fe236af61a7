"""A token's text: claims, packed and sealed. Knows no database; whether claims still hold is access.py's.

Only the exact text that was issued opens (S-033): Python's base64 skips foreign characters and spare bits, so
the text must be the one canonical spelling of its bytes.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography.fernet import InvalidToken

from iaas.errors import Unauthenticated
from iaas.identity.keys import KeyRing
from iaas.model.identity.delegation import Delegation, Kind
from iaas.model.token import Claims, Scope, ScopeKind

MAX_LENGTH = 1024
_TEXT = re.compile(r"[A-Za-z0-9_-]+")
_HEX = re.compile(r"[0-9a-f]{32}")
# What follows is appended to and never reordered: tokens hold positions.
_METHODS = ("password", "token", "application_credential", "service", "totp", "ec2credential")
_KINDS = (ScopeKind.UNSCOPED, ScopeKind.PROJECT, ScopeKind.DOMAIN, ScopeKind.SYSTEM)
_DELEGATIONS = (Kind.APPLICATION_CREDENTIAL, Kind.TRUST)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)
REFUSED = "The request you have made requires authentication."


class _Payload(msgspec.Struct, array_like=True):
    version: int
    user: bytes
    methods: int  # bits, in the order of _METHODS
    kind: int
    scope: bytes | None
    issued: int  # microseconds since 1970
    expires: int
    audits: list[bytes]
    delegation: tuple[int, bytes] | None = None  # position in _DELEGATIONS, id


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Payload)


def new_audit_id() -> str:
    """22 characters; names one token without being able to stand for it."""
    return _b64(secrets.token_bytes(16))


class TokenCodec:
    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, claims: Claims) -> str:
        """The token's text, about 250 characters. Raises Unavailable without keys."""
        given = claims.delegation
        payload = _Payload(
            version=1,
            user=_packed(claims.user_id),
            methods=sum(1 << _METHODS.index(method) for method in claims.methods),
            kind=_KINDS.index(claims.scope.kind),
            scope=None if claims.scope.id is None else _packed(claims.scope.id),
            issued=(claims.issued_at - _EPOCH) // _MICRO,
            expires=(claims.expires_at - _EPOCH) // _MICRO,
            audits=[_unb64(audit) for audit in claims.audit_ids],
            delegation=None if given is None else (_DELEGATIONS.index(given.kind), _packed(given.id)),
        )
        return self._keys.ring().encrypt(_encoder.encode(payload)).decode().rstrip("=")

    def open(self, text: str) -> Claims:
        """The claims of a text that one of our keys sealed, expired or not. Raises Unauthenticated."""
        if len(text) > MAX_LENGTH or not _TEXT.fullmatch(text):
            raise Unauthenticated(REFUSED)
        try:
            if _b64(_unb64(text)) != text:
                raise Unauthenticated(REFUSED)
            data = self._keys.ring().decrypt(text + "=" * (-len(text) % 4))
            return _claims(_decoder.decode(data))
        except (InvalidToken, binascii.Error, msgspec.MsgspecError, ValueError, IndexError):
            raise Unauthenticated(REFUSED) from None


def _claims(payload: _Payload) -> Claims:
    if payload.version != 1:
        raise ValueError("a token of another version")
    scope_id = None if payload.scope is None else _unpacked(payload.scope)
    given = payload.delegation
    return Claims(
        user_id=_unpacked(payload.user),
        methods=tuple(name for bit, name in enumerate(_METHODS) if payload.methods >> bit & 1),
        scope=Scope(kind=_KINDS[payload.kind], id=scope_id),
        audit_ids=tuple(_b64(audit) for audit in payload.audits),
        issued_at=_EPOCH + payload.issued * _MICRO,
        expires_at=_EPOCH + payload.expires * _MICRO,
        delegation=given and Delegation(kind=_DELEGATIONS[given[0]], id=_unpacked(given[1])),
    )


def _packed(id: str) -> bytes:
    """One byte says which: 0 for 32 hex digits in half the length, 1 for a word such as ``default``."""
    return b"\0" + bytes.fromhex(id) if _HEX.fullmatch(id) else b"\1" + id.encode()


def _unpacked(data: bytes) -> str:
    return data[1:].decode() if data[0] else data[1:].hex()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
