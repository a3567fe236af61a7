"""The one read that decides whether a token holds now: two statements in one look at the database.

Prepared once at import, because every request of every API runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity import delegation as delegations
from iaas.db.schema.identity import (
    assignments,
    domains,
    group_members,
    inferences,
    projects,
    revocations,
    roles,
    users,
)
from iaas.db.schema.identity_delegation import trusts
from iaas.model.identity.delegation import ApplicationCredential, Delegation, Kind, Mandate, Trust
from iaas.model.role import Actor, Role
from iaas.model.token import Access, Claims, Named, Scope, ScopeKind


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the database says about a user on a scope.

    ``enabled``: the user, its domain, the whole scope and all through whom a trust came are. ``valid_after``: the
    latest of all the moments that end older tokens; None when there was none. ``roles`` of a delegation: none as
    soon as its giver has lost one of them.
    """

    user: Named
    project: Named | None
    domain: Named | None
    enabled: bool
    valid_after: datetime | None
    revoked: bool
    roles: tuple[Role, ...]
    mandate: Mandate | None = None
    password_expires_at: datetime | None = None

    def access(self, claims: Claims) -> Access:
        return Access(
            claims=claims,
            user=self.user,
            project=self.project,
            domain=self.domain,
            roles=self.roles,
            mandate=self.mandate,
            password_expires_at=self.password_expires_at,
        )


def standing(
    tx: Tx, user_id: str, scope: Scope, given: Delegation | None = None, claims: Claims | None = None
) -> Standing | None:
    """None when the user, the scope's object or the delegation does not exist. ``claims``: whose audit ids may be
    revoked."""
    parameters = {
        "user_id": user_id,
        "project_id": scope.id if scope.kind is ScopeKind.PROJECT else None,
        "domain_id": scope.id if scope.kind is ScopeKind.DOMAIN else None,
        "audit_id": claims.audit_ids[0] if claims else "",
        "chain_id": claims.chain_id if claims else "",
        **({"given_id": given.id} if given else {}),
    }
    row = tx.execute(_WHO[given.kind if given else None], parameters).first()
    if row is None:
        return None
    project = domain = None
    if scope.kind is ScopeKind.PROJECT:
        if row.project_id is None:
            return None
        project = Named(
            id=row.project_id,
            name=row.project_name,
            domain_id=row.scope_domain_id,
            domain_name=row.scope_domain,
        )
    elif scope.kind is ScopeKind.DOMAIN:
        if row.scope_domain_id is None:
            return None
        domain = Named(id=row.scope_domain_id, name=row.scope_domain)
    switches = (row.user_enabled, row.user_domain_enabled, row.project_enabled, row.scope_domain_enabled)
    moments = [row.user_after, row.user_domain_after, row.project_after, row.scope_domain_after]
    mandate = delegations.of(given.kind, row) if given else None
    is_trust = isinstance(mandate, Trust)
    if is_trust:
        moments += [row.others_after, row.others_domain_after]
    return Standing(
        user=Named(id=user_id, name=row.user_name, domain_id=row.user_domain_id, domain_name=row.user_domain),
        project=project,
        domain=domain,
        enabled=all(switch is not False for switch in switches) and not (is_trust and row.others_disabled),
        valid_after=max((moment for moment in moments if moment is not None), default=None),
        revoked=bool(row.revoked),
        roles=_roles(tx, user_id, scope, mandate),
        mandate=mandate,
        password_expires_at=row.password_expires_at,
    )


def _roles(tx: Tx, user_id: str, scope: Scope, mandate: Mandate | None) -> tuple[Role, ...]:
    if scope.kind is ScopeKind.UNSCOPED:
        return ()
    parameters: dict[str, Any] = {"user_id": user_id, "target_type": scope.kind.value, "target_id": scope.id}
    if mandate is None:
        return tuple(Role(id=row.id, name=row.name) for row in tx.execute(_ROLES, parameters))
    giver = mandate.user_id if isinstance(mandate, ApplicationCredential) else mandate.grantor_id
    rows = tx.execute(_GIVEN_ROLES, parameters | {"user_id": giver, "given": mandate.roles}).all()
    if not {row.id for row in rows}.issuperset(mandate.roles):
        return ()
    return tuple(Role(id=row.id, name=row.name) for row in rows if row.is_given)


def _text(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.String)


def _who(given: Kind | None) -> sa.Select[Any]:
    home, scope = domains.alias("home"), domains.alias("scope_domain")
    dead = sa.exists().where(
        sa.or_(
            (revocations.c.audit_id == _text("audit_id")) & revocations.c.chain.is_(False),
            (revocations.c.audit_id == _text("chain_id")) & revocations.c.chain.is_(True),
        )
    )
    columns = [
        users.c.name.label("user_name"), users.c.enabled.label("user_enabled"),
        users.c.valid_after.label("user_after"), users.c.password_expires_at,
        home.c.id.label("user_domain_id"), home.c.name.label("user_domain"),
        home.c.enabled.label("user_domain_enabled"), home.c.valid_after.label("user_domain_after"),
        projects.c.id.label("project_id"), projects.c.name.label("project_name"),
        projects.c.enabled.label("project_enabled"), projects.c.valid_after.label("project_after"),
        scope.c.id.label("scope_domain_id"), scope.c.name.label("scope_domain"),
        scope.c.enabled.label("scope_domain_enabled"), scope.c.valid_after.label("scope_domain_after"),
        dead.label("revoked"),
    ]  # fmt: skip
    joined = users.join(home, home.c.id == users.c.domain_id)
    joined = joined.outerjoin(projects, projects.c.id == _text("project_id"))
    joined = joined.outerjoin(scope, scope.c.id == sa.func.coalesce(projects.c.domain_id, _text("domain_id")))
    if given:
        columns += delegations.columns(given)
        table = delegations.TABLES[given]
        joined = joined.join(table, table.c.id == _text("given_id"))
    if given is Kind.TRUST:
        columns += _others()
    return sa.select(*columns).select_from(joined).where(users.c.id == _text("user_id"))


def _others() -> list[sa.Label[Any]]:
    """Of everybody through whom a trust came, and of its trustee: one is disabled; what ends older tokens."""
    t = trusts.c
    chain = sa.select(t.trustor_user_id, t.redelegated_trust_id).where(t.id == _text("given_id"))
    above = chain.cte("chain", recursive=True)
    above = above.union_all(
        sa.select(t.trustor_user_id, t.redelegated_trust_id).where(t.id == above.c.redelegated_trust_id)
    )
    trustee = sa.select(t.trustee_user_id).where(t.id == _text("given_id"))
    u, d = users.alias("other"), domains.alias("other_home")
    people = u.join(d, d.c.id == u.c.domain_id)
    among = sa.or_(u.c.id.in_(sa.select(above.c.trustor_user_id)), u.c.id == trustee.scalar_subquery())
    off = sa.select(u.c.id).select_from(people).where(among, sa.or_(u.c.enabled.is_(False), d.c.enabled.is_(False)))
    after = [sa.select(sa.func.max(one.c.valid_after)).select_from(people).where(among) for one in (u, d)]
    return [
        off.exists().label("others_disabled"),
        after[0].scalar_subquery().label("others_after"),
        after[1].scalar_subquery().label("others_domain_after"),
    ]


def _effective() -> sa.CTE:
    """The ids of the roles that a user has on a target, with what they imply."""
    a = assignments.c
    mine = sa.select(group_members.c.group_id).where(group_members.c.user_id == _text("user_id"))
    # A project's parents up to and with its domain; nothing is above a domain or the system.
    above = sa.select(projects.c.parent_id).where(projects.c.id == _text("target_id")).cte("above", recursive=True)
    above = above.union(sa.select(projects.c.parent_id).where(projects.c.id == above.c.parent_id))
    direct = sa.select(a.role_id).where(
        sa.or_(
            (a.target_type == _text("target_type")) & (a.target_id == _text("target_id")) & a.inherited.is_(False),
            a.target_id.in_(sa.select(above.c.parent_id)) & a.inherited.is_(True),
        ),
        sa.or_(
            (a.actor_type == Actor.USER.value) & (a.actor_id == _text("user_id")),
            (a.actor_type == Actor.GROUP.value) & a.actor_id.in_(mine),
        ),
    )
    effective = direct.cte("effective", recursive=True)
    return effective.union(sa.select(inferences.c.implied_id).where(inferences.c.prior_id == effective.c.role_id))


def _all_roles() -> sa.Select[Any]:
    effective = _effective()
    found = sa.select(roles.c.id, roles.c.name).join(effective, effective.c.role_id == roles.c.id)
    return found.where(roles.c.domain_id.is_(None)).order_by(roles.c.name)


def _given_roles() -> sa.Select[Any]:
    """All roles of the giver, and whether each is among the given ones or implied by them."""
    given = sa.select(roles.c.id.label("role_id")).where(roles.c.id.in_(sa.bindparam("given", expanding=True)))
    reach = given.cte("reach", recursive=True)
    reach = reach.union(sa.select(inferences.c.implied_id).where(inferences.c.prior_id == reach.c.role_id))
    effective = _effective()
    is_given = roles.c.id.in_(sa.select(reach.c.role_id)).label("is_given")
    query = sa.select(roles.c.id, roles.c.name, is_given).join(effective, effective.c.role_id == roles.c.id)
    return query.where(roles.c.domain_id.is_(None)).order_by(roles.c.name)


_WHO = {given: _who(given) for given in (None, *Kind)}
_ROLES = _all_roles()
_GIVEN_ROLES = _given_roles()
