"""Projects and domains: look-up by name, whose they are, and what goes with one that goes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import DOMAINS, PROJECTS
from iaas.db.schema.identity import (
    assignments,
    domains,
    group_members,
    groups,
    inferences,
    projects,
    roles,
    users,
)
from iaas.model.project import Domain, Project
from iaas.model.role import Actor, Target
from iaas.model.user import Reference


def project_id(tx: Tx, reference: Reference) -> str | None:
    """The id of the project that the reference names, None without one."""
    if reference.id is not None:
        return tx.scalar(sa.select(projects.c.id).where(projects.c.id == reference.id))  # type: ignore[no-any-return]
    query = sa.select(projects.c.id).join(domains, domains.c.id == projects.c.domain_id)
    column, value = (
        (domains.c.id, reference.domain_id) if reference.domain_id else (domains.c.name, reference.domain_name)
    )
    return tx.scalar(query.where(projects.c.name == reference.name, column == value))  # type: ignore[no-any-return]


def domain_id(tx: Tx, reference: Reference) -> str | None:
    column, value = (domains.c.id, reference.id) if reference.id is not None else (domains.c.name, reference.name)
    return tx.scalar(sa.select(domains.c.id).where(column == value))  # type: ignore[no-any-return]


def has_children(tx: Tx, project_id: str) -> bool:
    return tx.first(sa.select(projects.c.id).where(projects.c.parent_id == project_id).limit(1)) is not None


def subtree(tx: Tx, project_id: str) -> tuple[str, ...]:
    """The ids of the project and of everything below it."""
    below = sa.select(projects.c.id).where(projects.c.id == project_id).cte("below", recursive=True)
    below = below.union(sa.select(projects.c.id).where(projects.c.parent_id == below.c.id))
    return tuple(tx.execute(sa.select(below.c.id)).scalars())


def of_user(
    tx: Tx, user_id: str, equals: dict[str, Any], marker: str | None, limit: int, usable: bool = False
) -> list[Project]:
    """Projects on which the user has a role, directly or by a group; ``usable``: in an enabled domain."""
    among = _targets(user_id, Target.PROJECT)
    if usable:
        enabled = sa.select(domains.c.id).where(domains.c.enabled.is_(True))
        among = sa.select(projects.c.id).where(projects.c.id.in_(among), projects.c.domain_id.in_(enabled))
    return PROJECTS.page(tx, equals, marker, limit, among)


def domains_of_user(tx: Tx, user_id: str, marker: str | None, limit: int) -> list[Domain]:
    """Enabled domains on which the user has a role."""
    return DOMAINS.page(tx, {"enabled": True}, marker, limit, _targets(user_id, Target.DOMAIN))


def is_on_system(tx: Tx, user_id: str) -> bool:
    return tx.first(_targets(user_id, Target.SYSTEM)) is not None


def delete(tx: Tx, project_id: str) -> None:
    """Raises NotFound."""
    PROJECTS.delete(tx, project_id)
    tx.delete(assignments, (assignments.c.target_type == Target.PROJECT) & (assignments.c.target_id == project_id))
    tx.update(users, users.c.default_project_id == project_id, {"default_project_id": None})


def delete_domain(tx: Tx, domain_id: str) -> None:
    """The domain with its projects, users and groups, and all their assignments. Raises NotFound."""
    a = assignments.c
    inside = sa.select(projects.c.id).where(projects.c.domain_id == domain_id)
    tx.delete(assignments, (a.target_type == Target.PROJECT) & a.target_id.in_(inside))
    tx.delete(assignments, (a.target_type == Target.DOMAIN) & (a.target_id == domain_id))
    for kind, table in ((Actor.USER, users), (Actor.GROUP, groups)):
        actors = sa.select(table.c.id).where(table.c.domain_id == domain_id)
        tx.delete(assignments, (a.actor_type == kind) & a.actor_id.in_(actors))
    tx.update(users, users.c.default_project_id.in_(inside), {"default_project_id": None})
    DOMAINS.delete(tx, domain_id)


def descents(tx: Tx, roots: Iterable[str]) -> dict[str, list[str]]:
    """Project or domain id to the ids of all projects below it, for many at once."""
    first = sa.select(projects.c.parent_id.label("root"), projects.c.id)
    below = first.where(projects.c.parent_id.in_(sorted(set(roots)))).cte("below", recursive=True)
    below = below.union(sa.select(below.c.root, projects.c.id).where(projects.c.parent_id == below.c.id))
    found: dict[str, list[str]] = {}
    for row in tx.all(sa.select(below.c.root, below.c.id).order_by(below.c.id)):
        found.setdefault(row.root, []).append(row.id)
    return found


def children(tx: Tx, root: str) -> dict[str, list[str]]:
    """Every project below a project or domain, under its parent's id."""
    below = sa.select(projects.c.id, projects.c.parent_id).where(projects.c.parent_id == root)
    tree = below.cte("below", recursive=True)
    tree = tree.union(sa.select(projects.c.id, projects.c.parent_id).where(projects.c.parent_id == tree.c.id))
    found: dict[str, list[str]] = {}
    for row in tx.all(sa.select(tree.c.id, tree.c.parent_id).order_by(tree.c.id)):
        found.setdefault(row.parent_id, []).append(row.id)
    return found


def ancestors(tx: Tx, project_id: str) -> tuple[str, ...]:
    """The ids of the projects above this one, the domain's last."""
    above = sa.select(projects.c.parent_id, sa.literal(0).label("step")).where(projects.c.id == project_id)
    chain = above.cte("above", recursive=True)
    up = sa.select(projects.c.parent_id, chain.c.step + 1).where(projects.c.id == chain.c.parent_id)
    chain = chain.union(up)
    return tuple(tx.execute(sa.select(chain.c.parent_id).order_by(chain.c.step)).scalars())


def _targets(user_id: str, kind: Target) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Where a token of the user would carry a role: granted there or, for a project, inherited from above."""
    a = assignments.c
    mine = sa.select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    held = sa.select(a.target_id).where(
        a.role_id.in_(_counting()),
        sa.or_(
            (a.actor_type == Actor.USER) & (a.actor_id == user_id),
            (a.actor_type == Actor.GROUP) & a.actor_id.in_(mine),
        ),
    )
    direct = held.where(a.target_type == kind, a.inherited.is_(False))
    if kind is not Target.PROJECT:
        return direct
    roots = held.where(a.inherited.is_(True))
    below = sa.select(projects.c.id).where(projects.c.parent_id.in_(roots)).cte("below", recursive=True)
    below = below.union(sa.select(projects.c.id).where(projects.c.parent_id == below.c.id))
    return sa.union(direct, sa.select(below.c.id))


def _counting() -> sa.Select[Any]:
    """Roles that put something into a token: the cloud's own, and what implies one of those in the end."""
    found = sa.select(roles.c.id).where(roles.c.domain_id.is_(None)).cte("counting", recursive=True)
    found = found.union(sa.select(inferences.c.prior_id).where(inferences.c.implied_id == found.c.id))
    return sa.select(found.c.id)
