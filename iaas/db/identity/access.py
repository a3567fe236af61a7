"""The one read that decides whether a token holds now: two statements in one look at the database.

Prepared once at import, because every request of every API runs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
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
from iaas.model.role import Actor, Role, Target
from iaas.model.token import Claims, Named, Scope, ScopeKind


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the database says about a user on a scope.

    ``enabled``: the user, its domain and the whole scope are. ``valid_after``: the latest of all the
    moments that end older tokens; None when there was none.
    """

    user: Named
    project: Named | None
    domain: Named | None
    enabled: bool
    valid_after: datetime | None
    revoked: bool
    roles: tuple[Role, ...]


def standing(tx: Tx, user_id: str, scope: Scope, claims: Claims | None = None) -> Standing | None:
    """None when the user or the scope's object does not exist. ``claims``: whose audit ids may be revoked."""
    parameters = {
        "user_id": user_id,
        "project_id": scope.id if scope.kind is ScopeKind.PROJECT else None,
        "domain_id": scope.id if scope.kind is ScopeKind.DOMAIN else None,
        "audit_id": claims.audit_ids[0] if claims else "",
        "chain_id": claims.chain_id if claims else "",
    }
    row = tx.execute(_WHO, parameters).first()
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
    moments = (row.user_after, row.user_domain_after, row.project_after, row.scope_domain_after)
    return Standing(
        user=Named(id=user_id, name=row.user_name, domain_id=row.user_domain_id, domain_name=row.user_domain),
        project=project,
        domain=domain,
        enabled=all(switch is not False for switch in switches),
        valid_after=max((moment for moment in moments if moment is not None), default=None),
        revoked=bool(row.revoked),
        roles=_roles(tx, user_id, scope),
    )


def _roles(tx: Tx, user_id: str, scope: Scope) -> tuple[Role, ...]:
    if scope.kind is ScopeKind.UNSCOPED:
        return ()
    parameters = {"user_id": user_id, "target_type": scope.kind.value, "target_id": scope.id}
    return tuple(Role(id=row.id, name=row.name) for row in tx.execute(_ROLES, parameters))


def _text(name: str) -> sa.BindParameter[str]:
    return sa.bindparam(name, type_=sa.String)


def _who() -> sa.Select[Any]:
    home, scope = domains.alias("home"), domains.alias("scope_domain")
    dead = sa.exists().where(
        sa.or_(
            (revocations.c.audit_id == _text("audit_id")) & revocations.c.chain.is_(False),
            (revocations.c.audit_id == _text("chain_id")) & revocations.c.chain.is_(True),
        )
    )
    columns = (
        users.c.name.label("user_name"), users.c.enabled.label("user_enabled"),
        users.c.valid_after.label("user_after"),
        home.c.id.label("user_domain_id"), home.c.name.label("user_domain"),
        home.c.enabled.label("user_domain_enabled"), home.c.valid_after.label("user_domain_after"),
        projects.c.id.label("project_id"), projects.c.name.label("project_name"),
        projects.c.enabled.label("project_enabled"), projects.c.valid_after.label("project_after"),
        scope.c.id.label("scope_domain_id"), scope.c.name.label("scope_domain"),
        scope.c.enabled.label("scope_domain_enabled"), scope.c.valid_after.label("scope_domain_after"),
        dead.label("revoked"),
    )  # fmt: skip
    joined = users.join(home, home.c.id == users.c.domain_id)
    joined = joined.outerjoin(projects, projects.c.id == _text("project_id"))
    joined = joined.outerjoin(scope, scope.c.id == sa.func.coalesce(projects.c.domain_id, _text("domain_id")))
    return sa.select(*columns).select_from(joined).where(users.c.id == _text("user_id"))


def _effective() -> sa.Select[Any]:
    a = assignments.c
    mine = sa.select(group_members.c.group_id).where(group_members.c.user_id == _text("user_id"))
    direct = sa.select(a.role_id).where(
        a.target_type == _text("target_type"),
        a.target_id == _text("target_id"),
        sa.or_(
            (a.actor_type == Actor.USER.value) & (a.actor_id == _text("user_id")),
            (a.actor_type == Actor.GROUP.value) & a.actor_id.in_(mine),
        ),
    )
    effective = direct.cte("effective", recursive=True)
    effective = effective.union(sa.select(inferences.c.implied_id).where(inferences.c.prior_id == effective.c.role_id))
    return sa.select(roles.c.id, roles.c.name).join(effective, effective.c.role_id == roles.c.id).order_by(roles.c.name)


_WHO = _who()
_ROLES = _effective()
assert {kind.value for kind in Target} == {kind.value for kind in ScopeKind} - {"unscoped"}
