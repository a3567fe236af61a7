"""The rules of credentials: whose they are, what their ids are made of, and what of them never changes (S-038).

Who may touch whose is policy's; here is what holds for everybody, administrators included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import credentials as db
from iaas.db.identity import revocations
from iaas.db.identity.credentials import CREDENTIALS
from iaas.db.identity.nouns import PROJECTS, USERS
from iaas.errors import Conflict, Forbidden, Invalid
from iaas.identity.collection import bounded
from iaas.identity.credentials.vault import Vault
from iaas.identity.tokens import new_audit_id
from iaas.ids import new_hex
from iaas.model.identity.credential import EC2, Credential, SealedCredential

# What binds an EC2 credential to the delegation by which it was made: set by the server, kept for ever.
BOUND_BY = ("trust_id", "app_cred_id", "access_token_id")
MOST = 200  # credentials of one user
_FIXED = ("access", *BOUND_BY)


class Credentials:
    def __init__(self, database: Database, vault: Vault, ttl: int) -> None:
        """``ttl``: seconds that a token lives at most."""
        self._database, self._vault = database, vault
        self._ttl = timedelta(seconds=ttl)

    def page(self, equals: Mapping[str, Any], marker: str | None = None, limit: int = 1000) -> list[Credential]:
        """A page in the order of ids, opened. Raises Invalid for an unknown marker."""
        with self._database.read() as tx:
            found = CREDENTIALS.page(tx, equals, marker, limit)
        return [self._vault.open(stored) for stored in found]

    def get(self, id: str) -> Credential:
        """Raises NotFound."""
        with self._database.read() as tx:
            return self._vault.open(CREDENTIALS.get(tx, id))

    def owner_of(self, id: str) -> str:
        """The id of its user; nothing is opened for that. Raises NotFound."""
        with self._database.read() as tx:
            return CREDENTIALS.get(tx, id).user_id

    def create(self, value: Credential, bound: Mapping[str, str] | None = None) -> Credential:
        """The id is made here. ``bound``: the delegation behind the caller's token, one of BOUND_BY with its id.

        Raises Invalid for an unknown user or project or a wrong blob, Conflict for an access key that is taken,
        Forbidden for a user who has too many.
        """
        bounded(value.extra)
        value = replace(value, id=new_hex(), chain=new_audit_id())
        if value.type.lower() == EC2:
            value = _ec2(value, bound or {})
        self._database.run(lambda tx: self._create(tx, value))
        return value

    def update(self, id: str, changes: Mapping[str, Any]) -> Credential:
        """``changes['extra']`` is merged. Raises NotFound, or Invalid for what never changes."""
        return self._database.run(lambda tx: self._update(tx, id, changes))

    def delete(self, id: str) -> None:
        """Raises NotFound."""
        self._database.run(lambda tx: self._delete(tx, id))

    def _create(self, tx: Tx, value: Credential) -> None:
        _check_owner(tx, value.user_id, value.project_id)
        if db.count_of(tx, value.user_id) >= MOST:
            raise Forbidden(f"Unable to create additional credentials, maximum of {MOST} already exceeded for user.")
        if CREDENTIALS.find(tx, id=value.id) is not None:
            raise Conflict("Conflict occurred attempting to store credential - Duplicate entry.", resource="credential")
        row = {
            "id": value.id, "user_id": value.user_id, "project_id": value.project_id, "type": value.type,
            "extra": dict(value.extra), "chain": value.chain, "created_at": tx.now(),
            **self._vault.seal(value.blob),
        }  # fmt: skip
        tx.insert(CREDENTIALS.table, row)

    def _delete(self, tx: Tx, id: str) -> None:
        self._end_tokens(tx, CREDENTIALS.get(tx, id))
        CREDENTIALS.delete(tx, id)

    def _end_tokens(self, tx: Tx, old: Credential | SealedCredential) -> None:
        if old.type.lower() == EC2:
            revocations.add(tx, old.chain, tx.now() + self._ttl, chain=True)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Credential:
        old = self._vault.open(CREDENTIALS.get(tx, id))
        extra = {**old.extra, **changes.get("extra", {})}
        bounded(extra)
        new = replace(old, **{**changes, "extra": extra, "chain": new_audit_id()})
        if (new.type.lower() == EC2) != (old.type.lower() == EC2):
            raise Invalid("A credential can't become one of type ec2, nor cease to be one.", field="type")
        if new.type.lower() == EC2:
            _check_fixed(old, new)
        _check_owner(tx, new.user_id, new.project_id)
        self._end_tokens(tx, old)
        values = {
            "user_id": new.user_id, "project_id": new.project_id, "type": new.type, "extra": extra, "chain": new.chain
        }  # fmt: skip
        if new.blob != old.blob:
            values |= self._vault.seal(new.blob)
        CREDENTIALS.update(tx, id, values)
        return new


def ec2_id(access: str) -> str:
    """The id of the credential with this access key, as published."""
    return hashlib.sha256(access.encode()).hexdigest()


def ec2_blob(blob: str) -> dict[str, Any]:
    """The content of an EC2 credential. Raises Invalid when it is not an object with texts access and secret."""
    try:
        content = json.loads(blob)
    except (ValueError, RecursionError):
        raise Invalid("Invalid blob in credential", field="blob") from None
    if not isinstance(content, dict):
        raise Invalid("The blob of an ec2 credential is a JSON object.", field="blob")
    for name in ("access", "secret"):
        if not _is_text(content.get(name)):
            raise Invalid(f"Expecting to find {name} in credential.blob.", field=f"blob.{name}")
    return content


def _is_text(value: Any) -> bool:
    """Whether it can be hashed and signed with: JSON can name half a character, which no encoding has."""
    return isinstance(value, str) and value != "" and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _ec2(value: Credential, bound: Mapping[str, str]) -> Credential:
    content = ec2_blob(value.blob)
    for name in BOUND_BY:
        if content.get(name) not in (None, bound.get(name)):
            raise Invalid(f"{name} is set by the server.", field=f"blob.{name}")
    blob = json.dumps({**content, **bound}) if bound else value.blob
    return replace(value, id=ec2_id(content["access"]), blob=blob)


def _check_fixed(old: Credential, new: Credential) -> None:
    before, after = ec2_blob(old.blob), ec2_blob(new.blob)
    for name in _FIXED:
        if before.get(name) != after.get(name):
            raise Invalid(f"{name} can not be updated for credential", field=f"blob.{name}")


def _check_owner(tx: Tx, user_id: str, project_id: str | None) -> None:
    if USERS.find(tx, id=user_id) is None:
        raise Invalid(f"Expecting to find valid user_id: {user_id[:64]} does not exist.", field="user_id")
    if project_id is not None and PROJECTS.find(tx, id=project_id) is None:
        raise Invalid(f"Expecting to find valid project_id: {project_id[:64]} does not exist.", field="project_id")
