"""Security group rule rows: a rule that does the same as another of its group can't be inserted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from iaas.context import Context
from iaas.db.engine import Tx
from iaas.db.network.listing import Query, Special, Where, claim, page
from iaas.db.schema.network import security_group_rules, security_groups
from iaas.errors import NotFound
from iaas.ids import new_uuid
from iaas.model.security_group import RuleSpec, SecurityGroupRule

_rules = security_group_rules
FIELDS: dict[str, sa.Column[Any]] = {
    "id": _rules.c.id,
    "project_id": _rules.c.project_id,
    "tenant_id": _rules.c.project_id,
    "description": _rules.c.description,
    "security_group_id": _rules.c.group_id,
    "direction": _rules.c.direction,
    "protocol": _rules.c.protocol,
    "port_range_min": _rules.c.port_min,
    "port_range_max": _rules.c.port_max,
    "remote_ip_prefix": _rules.c.remote_cidr,
    "remote_group_id": _rules.c.remote_group_id,
    "revision_number": _rules.c.revision,
    "created_at": _rules.c.created_at,
    "updated_at": _rules.c.updated_at,
}
_PLAIN = [_rules.c[item.name] for item in fields(SecurityGroupRule)]
_VERSIONS = {"ipv4": 4, "ipv6": 6}


def _ethertype(values: Sequence[str]) -> Where:
    return _rules.c.ip_version.in_([_VERSIONS[v.lower()] for v in values if v.lower() in _VERSIONS])


_SPECIAL: dict[str, Special] = {"ethertype": _ethertype}


def visible(context: Context) -> Where:
    """The caller's own, and those in the caller's groups."""
    if context.is_admin:
        return sa.true()
    if not context.owner:
        return sa.false()
    own = sa.select(security_groups.c.id).where(security_groups.c.project_id == context.owner)
    return sa.or_(_rules.c.project_id == context.owner, _rules.c.group_id.in_(own))


def insert(tx: Tx, group_id: str, project_id: str, spec: RuleSpec, signature: str) -> str | None:
    """Inserts the rule and gives its id; None when the group has one like it."""
    now, id = tx.now(), new_uuid()
    values = {**asdict(spec), "id": id, "group_id": group_id, "project_id": project_id}
    stamps = {"signature": signature, "revision": 0, "created_at": now, "updated_at": now}
    return id if claim(tx, _rules, {**values, **stamps}) else None


def like(tx: Tx, group_id: str, signature: str) -> str | None:
    found: str | None = tx.scalar(
        sa.select(_rules.c.id).where(_rules.c.group_id == group_id, _rules.c.signature == signature)
    )
    return found


def missing(id: str) -> NotFound:
    return NotFound(
        f"Security group rule {id} does not exist",
        resource="security_group_rule", id=id, code="SecurityGroupRuleNotFound",
    )  # fmt: skip


def get(tx: Tx, id: str, context: Context | None = None) -> SecurityGroupRule:
    """The rule, if the caller may see it (None: anybody's). Raises NotFound."""
    condition = visible(context) if context else sa.true()
    row = tx.first(sa.select(*_PLAIN).where(_rules.c.id == id, condition))
    if row is None:
        raise missing(id)
    return SecurityGroupRule(**row._mapping)


def by_ids(tx: Tx, ids: Sequence[str]) -> list[SecurityGroupRule]:
    """In the order of the ids."""
    rows = tx.all(sa.select(*_PLAIN).where(_rules.c.id.in_(ids)))
    found = {row.id: SecurityGroupRule(**row._mapping) for row in rows}
    return [found[id] for id in ids if id in found]


def listed(tx: Tx, context: Context, query: Query) -> tuple[list[SecurityGroupRule], bool]:
    rows, more = page(tx, _rules, FIELDS, query, visible(context), _SPECIAL)
    names = [column.name for column in _PLAIN]
    return [SecurityGroupRule(**{name: row._mapping[name] for name in names}) for row in rows], more


def of_groups(tx: Tx, group_ids: Sequence[str]) -> dict[str, tuple[SecurityGroupRule, ...]]:
    if not group_ids:
        return {}
    query = sa.select(*_PLAIN).where(_rules.c.group_id.in_(group_ids)).order_by(_rules.c.created_at, _rules.c.id)
    found: dict[str, list[SecurityGroupRule]] = {}
    for row in tx.all(query):
        found.setdefault(row.group_id, []).append(SecurityGroupRule(**row._mapping))
    return {group: tuple(rules) for group, rules in found.items()}


def delete(tx: Tx, id: str) -> bool:
    return bool(tx.delete(_rules, _rules.c.id == id))
