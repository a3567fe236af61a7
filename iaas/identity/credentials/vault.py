"""Seals the secrets of credentials before the database has them, and opens them again (S-128).

The keys are a ring of their own, apart from the tokens': a token key may be forgotten after an hour, one of these only
when nothing is sealed with it any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from cryptography.fernet import InvalidToken

from iaas.db.engine import Database, Tx
from iaas.db.identity import credentials as db
from iaas.db.identity.credentials import CREDENTIALS
from iaas.errors import Conflict, Internal
from iaas.identity.keys import KeyRing
from iaas.model.identity.credential import Credential, SealedCredential

BATCH = 100  # credentials that are sealed again in one transaction


class Vault:
    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self.keys = keys

    def seal(self, blob: str) -> dict[str, str]:
        """The columns that hold the secret. Raises Unavailable without keys."""
        # The name first: should the ring turn in between, the row is sealed once more than needed, never once less.
        key_hash = self.keys.fingerprint()
        return {"sealed": self.keys.ring().encrypt(blob.encode()).decode(), "key_hash": key_hash}

    def open(self, stored: SealedCredential) -> Credential:
        """Raises Internal when none of the keys fits: they were lost, or another cloud's were copied here."""
        return Credential(
            id=stored.id, user_id=stored.user_id, project_id=stored.project_id, type=stored.type,
            blob=self._opened(stored), extra=stored.extra, chain=stored.chain,
        )  # fmt: skip

    def credentials_of(self, tx: Tx, user_id: str, type: str) -> list[Credential]:
        """What the user has of this type, in the order of ids."""
        return [self.open(stored) for stored in CREDENTIALS.page(tx, {"user_id": user_id, "type": type})]

    def left(self) -> int:
        """How many credentials an older key than the sealing one still holds."""
        key_hash = self.keys.fingerprint()
        with self._database.read() as tx:
            return db.count_sealed_otherwise(tx, key_hash)

    def rotate(self) -> None:
        """Promotes the staged key. Raises Conflict while something is left under an older one, which might go."""
        left = self.left()
        if left:
            raise Conflict(f"{left} credentials are sealed with an older key: run the migration first.")
        self.keys.rotate()

    def migrate(self) -> Iterator[int]:
        """Seals everything with the sealing key, in batches whose sizes it gives; may be killed and repeated."""
        while True:
            key_hash = self.keys.fingerprint()
            with self._database.read() as tx:
                found = db.sealed_otherwise(tx, key_hash, BATCH)
            if not found:
                return
            again = [(old, self.seal(self._opened(old))) for old in found]
            yield self._database.run(partial(_write, again=again))

    def _opened(self, stored: SealedCredential) -> str:
        try:
            return self.keys.ring().decrypt(stored.sealed).decode()
        except InvalidToken:
            raise Internal(f"Credential {stored.id} can't be opened: its key {stored.key_hash} is missing.") from None


def _write(tx: Tx, again: Sequence[tuple[SealedCredential, dict[str, str]]]) -> int:
    return sum(db.seal_again(tx, old, **new) for old, new in again)
