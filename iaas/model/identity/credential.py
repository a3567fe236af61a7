"""Credentials: secrets that a user keeps with the identity service, by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EC2, TOTP = "ec2", "totp"
EC2_METHOD = "ec2credential"  # how a token says that a signed EC2 request was given for it


@dataclass(frozen=True, kw_only=True)
class Credential:
    """``blob``: the secret as its owner gave it; of type ec2 a JSON text with ``access`` and ``secret``, of type totp
    the base32 of the seed. ``chain``: the audit id at the head of the chains of its tokens."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    blob: str = field(repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)
    chain: str = ""


@dataclass(frozen=True, kw_only=True)
class SealedCredential:
    """A credential as the database has it. ``key_hash``: the fingerprint of the key that sealed it; ``chain``:
    the audit id at the head of its tokens' chains."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    sealed: str = field(repr=False)
    key_hash: str
    chain: str
    extra: Mapping[str, Any]
    created_at: datetime
