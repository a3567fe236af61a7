"""Exchanges a signed EC2 request for a token of the user whose secret signed it, and tells whose an S3 request is.
Knows no HTTP.

Every refusal is the same Unauthenticated, but that of a request that comes twice. The token ends with the credential:
its chain is the credential's (S-030).
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import delegation, signatures, users
from iaas.db.identity.credentials import CREDENTIALS
from iaas.errors import Unauthenticated
from iaas.identity.credentials.collection import ec2_blob, ec2_id
from iaas.identity.credentials.s3_signature import S3Request, check_s3
from iaas.identity.credentials.signature import SignedRequest, check
from iaas.identity.credentials.vault import Vault
from iaas.identity.login import Issued
from iaas.identity.methods.credentials import Proof
from iaas.identity.scoping import Wanted, grant
from iaas.identity.tokens import REFUSED, TokenCodec
from iaas.model.identity.credential import EC2, EC2_METHOD, Credential
from iaas.model.identity.delegation import ApplicationCredential, Kind
from iaas.model.token import Access, ScopeKind
from iaas.model.user import Reference

_NOBODYS = "0" * 64  # signs nothing: an unknown access key costs what a wrong signature does


class Ec2Desk:
    def __init__(self, database: Database, vault: Vault, codec: TokenCodec, ttl: int) -> None:
        """``ttl``: seconds that a token lives."""
        self._database, self._vault, self._codec = database, vault, codec
        self._ttl = timedelta(seconds=ttl)

    def exchange(self, request: SignedRequest) -> Issued:
        """A token on the project of the access key's suffix, of the credential, or of the same id as the user (A-093,
        A-094). Raises Unauthenticated, or Forbidden for a request that was used before."""
        with self._database.read() as tx:
            item = self._find(tx, request.access)
        content = _content(item)
        valid = check(request, content["secret"])
        if item is None:
            raise Unauthenticated(REFUSED)
        digest = hashlib.sha256(f"{item.id} {request.signature}".encode()).hexdigest()

        def work(tx: Tx) -> Issued:
            if not valid.since <= tx.now() <= valid.until:
                raise Unauthenticated(REFUSED)
            signatures.use(tx, digest, valid.until + timedelta(seconds=1))
            access = grant(tx, _proof(tx, item, content.get("app_cred_id")), _wanted(item, request.access), self._ttl)
            return Issued(self._codec.seal(access.claims), access)

        return self._database.run(work)

    def recognize(self, request: S3Request) -> Access:
        """Whose S3 request it is and what the signer may do, as a token would say it; there is no token. How old the
        request may be is for the asking service to judge: a signed URL is good for days. Raises Unauthenticated."""
        with self._database.read() as tx:
            item = self._find(tx, request.access)
        content = _content(item)
        check_s3(request, content["secret"])
        if item is None or ec2_id(request.access) != item.id:
            raise Unauthenticated(REFUSED)  # the access key is no part of what S3 signs, nor a suffix of it
        with self._database.read() as tx:
            proof = _proof(tx, item, content.get("app_cred_id"))
            return grant(tx, proof, _wanted(item, request.access), self._ttl)

    def _find(self, tx: Tx, access: str) -> Credential | None:
        """The credential of an access key, or of the part of it before the last colon."""
        ids = (ec2_id(access), ec2_id(access.rpartition(":")[0]))
        found = {item.id: item for item in CREDENTIALS.page(tx, {"id": ids, "type": EC2})}
        chosen = found.get(ids[0]) or found.get(ids[1])
        return self._vault.open(chosen) if chosen else None


def _content(item: Credential | None) -> dict[str, Any]:
    return ec2_blob(item.blob) if item else {"secret": _NOBODYS}


def _proof(tx: Tx, item: Credential, app_cred_id: str | None) -> Proof:
    login = users.login(tx, Reference(id=item.user_id))
    again = CREDENTIALS.find(tx, id=item.id)
    if login is None or again is None or again.chain != item.chain:
        raise Unauthenticated(REFUSED)  # it changed or went while the signature was being checked
    bound = delegation.find(tx, Kind.APPLICATION_CREDENTIAL, id=app_cred_id) if app_cred_id else None
    if not isinstance(bound, ApplicationCredential):
        if app_cred_id:
            raise Unauthenticated(REFUSED)  # what it was made with is gone
        bound = None
    return Proof(login, tx.now(), (EC2_METHOD,), credential=bound, chain=item.chain)


def _wanted(item: Credential, access: str) -> Wanted:
    named = "" if ec2_id(access) == item.id else access.rpartition(":")[2]
    return Wanted(kind=ScopeKind.PROJECT, reference=Reference(id=named or item.project_id or item.user_id))
