"""A delegated token is dead within a second, everywhere, when what it stands on is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from iaas.clock import ManualClock
from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.errors import Unauthenticated
from iaas.identity import access as access_module
from iaas.identity.application_credentials import NewCredential, RoleName
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import AppSecret, Credentials, Issued, Wanted
from iaas.identity.service import IdentityServices
from iaas.identity.tokens import TokenCodec
from iaas.identity.trusts import NewTrust
from iaas.model.identity.delegation import Delegation, Kind
from iaas.model.token import ScopeKind
from iaas.model.user import Reference, User
from tests.unit.identity import people

MEMBER = (RoleName(name="member"),)


class Handed:
    """A giver with a project, a credential for its robot, and a chain of trusts over a middle user to a last one."""

    def __init__(self, services: IdentityServices) -> None:
        self.services = services
        self.project = people.project(services)
        self.giver, self.middle, self.last = (people.user(services, name) for name in ("giver", "middle", "last"))
        self.grant = people.give(services, "member", self.giver, self.project)
        mine = people.log_in(services, self.giver, people.on(self.project))
        new = NewCredential(name="robot", roles=MEMBER)
        self.credential, _, self.secret = services.application_credentials.create(mine.access, new)
        first = self._trust(mine, self.giver, self.middle, impersonation=False, allow_redelegation=True)
        self.trust = self._trust(self.by_trust(first, self.middle), self.middle, self.last, impersonation=False)
        self.first = first

    def _trust(self, asker: Issued, giver: User, receiver: User, **more: Any) -> str:
        new = NewTrust(trustor_user_id=giver.id, trustee_user_id=receiver.id, project_id=self.project.id, roles=MEMBER,
                       **more)  # fmt: skip
        trust, _ = self.services.trusts.create(asker.access, new)
        return trust.id

    def by_trust(self, id: str, who: User) -> Issued:
        return self.services.login.issue(Credentials(user=Reference(id=who.id), password="secret"), Wanted(trust_id=id))

    def by_credential(self) -> Issued:
        given = AppSecret(id=self.credential.id, secret=self.secret)
        return self.services.login.issue(Credentials(application_credential=given), Wanted())

    def set_user(self, who: User, **changes: Any) -> None:
        self.services.users.update_with(who.id, changes, None)


COMMON: dict[str, Callable[[Handed], object]] = {
    "the giver is disabled": lambda h: h.set_user(h.giver, enabled=False),
    "the giver is deleted": lambda h: h.services.users.delete(h.giver.id),
    "the giver's password changes": lambda h: h.services.users.update_with(h.giver.id, {}, "new password"),
    "the giver loses the role": lambda h: h.services.assignments.revoke(h.grant),
    "the project is disabled": lambda h: h.services.projects.update(h.project.id, {"enabled": False}),
    "the project is deleted": lambda h: h.services.projects.delete(h.project.id),
}
OF_CREDENTIAL = COMMON | {
    "the credential is deleted": lambda h: h.services.application_credentials.delete(h.giver.id, h.credential.id),
}
OF_TRUST = COMMON | {
    "the trust is deleted": lambda h: h.services.trusts.delete(h.trust),
    "the trust that it came from is deleted": lambda h: h.services.trusts.delete(h.first),
    "who handed it on is disabled": lambda h: h.set_user(h.middle, enabled=False),
    "who handed it on is deleted": lambda h: h.services.users.delete(h.middle.id),
    "who handed it on changes the password": lambda h: h.services.users.update_with(h.middle.id, {}, "new password"),
    "the trustee is disabled": lambda h: h.set_user(h.last, enabled=False),
    "the trustee is deleted": lambda h: h.services.users.delete(h.last.id),
}
ALL = [(Kind.APPLICATION_CREDENTIAL, cause) for cause in OF_CREDENTIAL] + [(Kind.TRUST, cause) for cause in OF_TRUST]


@pytest.mark.parametrize(("kind", "cause"), ALL, ids=lambda value: str(value))
def test_within_a_second_every_daemon_refuses_the_delegated_token_because(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock, kind: Kind, cause: str
) -> None:
    """S-030, S-031"""
    handed = Handed(services)
    issued = handed.by_trust(handed.trust, handed.last) if kind is Kind.TRUST else handed.by_credential()
    auth = Auth(key_repository=str(services.keys._directory), bcrypt_rounds=4)
    elsewhere = IdentityFacade.open(services.database, auth)
    for daemon in (facade, elsewhere):
        assert daemon.authenticate(issued.token).roles == ("member", "reader")
    (OF_TRUST if kind is Kind.TRUST else OF_CREDENTIAL)[cause](handed)
    clock.advance(access_module.FRESH)
    for daemon in (facade, elsewhere, IdentityFacade.open(services.database, auth)):
        with pytest.raises(Unauthenticated):
            daemon.authenticate(issued.token)


def test_a_delegation_rests_while_its_giver_lacks_a_role_and_makes_no_token(
    services: IdentityServices, facade: IdentityFacade, clock: ManualClock
) -> None:
    """S-037: all or nothing, and nothing a user made disappears by itself."""
    handed = Handed(services)
    services.assignments.revoke(handed.grant)
    people.give(services, "reader", handed.giver, handed.project)
    with pytest.raises(Unauthenticated):
        handed.by_credential()
    services.assignments.grant(handed.grant)
    clock.advance(1)
    assert facade.authenticate(handed.by_credential().token).roles == ("member", "reader")


def test_a_further_role_of_the_giver_is_not_the_robots(services: IdentityServices, facade: IdentityFacade) -> None:
    handed = Handed(services)
    people.give(services, "admin", handed.giver, handed.project)
    assert facade.authenticate(handed.by_credential().token).roles == ("member", "reader")


def test_the_token_carries_the_delegation_in_few_characters(services: IdentityServices) -> None:
    """S-033: and it opens as what was sealed."""
    handed = Handed(services)
    issued = handed.by_trust(handed.trust, handed.last)
    assert len(issued.token) < 300
    assert issued.access.claims.delegation == Delegation(kind=Kind.TRUST, id=handed.trust)
    codec = TokenCodec(services.keys)
    assert codec.open(issued.token) == issued.access.claims
    plain = replace(issued.access.claims, delegation=None)
    assert codec.open(codec.seal(plain)) == plain


def test_a_delegated_token_is_checked_with_as_many_statements_as_a_plain_one(services: IdentityServices) -> None:
    handed = Handed(services)
    plain = people.log_in(services, handed.giver, people.on(handed.project))
    counts = {
        len(_statements(services.database, lambda token=issued.token: services.validator.access(token, fresh=True)))
        for issued in (plain, handed.by_credential(), handed.by_trust(handed.trust, handed.last))
    }
    assert counts == {2}


def _statements(database: Database, work: Callable[[], object]) -> list[str]:
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            seen.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    work()
    sa.event.remove(database.engine, "before_cursor_execute", note)
    return seen


def test_without_a_scope_of_its_own_a_trust_is_the_trustee_without_roles(services: IdentityServices) -> None:
    who, other = people.user(services, "one"), people.user(services, "two")
    mine = people.log_in(services, who, Wanted(kind=ScopeKind.UNSCOPED))
    new = NewTrust(trustor_user_id=who.id, trustee_user_id=other.id, impersonation=True)
    trust, roles = services.trusts.create(mine.access, new)
    issued = services.login.issue(
        Credentials(user=Reference(id=other.id), password="secret"), Wanted(trust_id=trust.id)
    )
    assert (issued.access.user.id, issued.access.roles, roles) == (who.id, (), [])
