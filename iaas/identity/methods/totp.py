"""By a time-based one-time code (RFC 6238: SHA-1, six digits, thirty seconds) of a seed that the user keeps as a
credential. The last code is accepted besides the present one, and each only once, whichever daemon it comes to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from iaas.db.engine import Database
from iaas.db.identity import signatures, users
from iaas.errors import Forbidden, Unauthenticated
from iaas.identity.credentials.vault import Vault
from iaas.identity.methods.credentials import Credentials, Proof
from iaas.identity.throttle import Throttle
from iaas.identity.tokens import REFUSED
from iaas.model.identity.credential import TOTP as TYPE
from iaas.model.identity.credential import Credential

STEP = 30  # seconds
_BACK = 1  # steps before the present one
_KEPT = timedelta(seconds=STEP * (_BACK + 2))  # longer than a code can be accepted


class ByTotp:
    def __init__(self, database: Database, vault: Vault, throttle: Throttle) -> None:
        self._database, self._vault, self._throttle = database, vault, throttle

    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        given = credentials.passcode
        if given is None:
            return None
        with self._database.read() as tx:
            login, now = users.login(tx, given.user), tx.now()
            seeds = self._vault.credentials_of(tx, login.user_id, TYPE) if login else []
        # Failures of their own: a right password beside them must not forgive wrong codes (S-042).
        account = f"totp {login.user_id if login else repr(given.user)[:1024]}"
        if not self._throttle.is_open(account, source):
            raise Unauthenticated(REFUSED)
        step = next((found for seed in seeds if (found := _step(seed, given.code, now)) is not None), None)
        if step is None or login is None:
            self._throttle.failed(account, source)
            raise Unauthenticated(REFUSED)
        digest = hashlib.sha256(f"totp {login.user_id} {given.code} {step}".encode()).hexdigest()
        try:
            self._database.run(lambda tx: signatures.use(tx, digest, tx.now() + _KEPT))
        except Forbidden:
            raise Unauthenticated(REFUSED) from None  # used before
        self._throttle.succeeded(account, source)
        return Proof(login, now, ("totp",))


def _step(seed: Credential, code: str, now: datetime) -> int | None:
    """At which step the seed gives this code, of those that are accepted now."""
    text = "".join(seed.blob.split()).rstrip("=")
    try:
        key = base64.b32decode(text + "=" * (-len(text) % 8), casefold=True)
    except (binascii.Error, ValueError):
        return None  # not a seed, whatever its owner called it
    generator = TOTP(key, 6, SHA1(), STEP, enforce_key_length=False)  # noqa: S303 - as published
    present = int(now.timestamp()) // STEP
    found = None
    for step in range(present, present - _BACK - 1, -1):
        if hmac.compare_digest(generator.generate(step * STEP), code.encode()):
            found = step
    return found
