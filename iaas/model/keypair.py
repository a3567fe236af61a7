"""A key pair: the public half of an SSH key that servers of its user may be made with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Keypair:
    """``fingerprint``: MD5 of the key blob, sixteen pairs of hex digits with colons, as the compute API shows it."""

    user_id: str
    name: str
    type: str
    fingerprint: str
    public_key: str
    created_at: datetime
