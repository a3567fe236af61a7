"""What a caller proves itself with, and what is proven by it. One file here is one method of authentication."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from iaas.errors import Unauthenticated
from iaas.identity.tokens import REFUSED
from iaas.model.identity.delegation import ApplicationCredential
from iaas.model.token import Claims
from iaas.model.user import Login, Reference


@dataclass(frozen=True, kw_only=True)
class AppSecret:
    """An application credential by its id, or by its name and user; the user may stand beside the id too."""

    secret: str = field(repr=False)
    id: str | None = None
    name: str | None = None
    user: Reference | None = None


@dataclass(frozen=True, kw_only=True)
class Passcode:
    """A one-time code of a user."""

    user: Reference
    code: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Each method that is given must succeed, for the same user. ``receipt``: for methods that succeeded before."""

    user: Reference | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    application_credential: AppSecret | None = None
    passcode: Passcode | None = None
    receipt: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Proof:
    """Who it is, since when that is proven, and what the new token must not outlive or go beyond.

    ``chain``: the audit id that heads the token's chain, when something else than a token ends it. ``since``: when the
    first part was proven, if that was in an earlier request.
    """

    login: Login
    at: datetime
    methods: tuple[str, ...]
    parent: Claims | None = None
    credential: ApplicationCredential | None = None
    chain: str | None = None
    since: datetime | None = None


class Method(Protocol):
    def prove(self, credentials: Credentials, source: str) -> Proof | None:
        """None when the credentials hold nothing for this method. Raises Unauthenticated."""


def together(proofs: list[Proof]) -> Proof:
    """All proofs as one. Raises Unauthenticated without any, and for proofs of several users."""
    if not proofs or any(proof.login.user_id != proofs[0].login.user_id for proof in proofs):
        raise Unauthenticated(REFUSED)
    methods = tuple(dict.fromkeys(name for proof in proofs for name in proof.methods))
    parents = [proof.parent for proof in proofs if proof.parent]
    given = [proof.credential for proof in proofs if proof.credential]
    return replace(
        proofs[0],
        methods=methods,
        at=max(proof.at for proof in proofs),
        parent=parents[0] if parents else None,
        credential=given[0] if given else None,
    )
