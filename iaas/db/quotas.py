"""Quota counters: taken and given back in the transaction of the row that they count (C-16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.schema.operations import quota_limits, quota_usage
from iaas.errors import QuotaExceeded

DEFAULTS = "class:default"  # the limits under this name hold for every project that has none of its own


def limits(tx: Tx, project_id: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """The limits of a project: the configured ones, with those for all and then its own on top; -1 is no limit."""
    c = quota_limits.c
    rows = tx.all(sa.select(c.project_id, c.resource, c.hard_limit).where(c.project_id.in_((DEFAULTS, project_id))))
    rows.sort(key=lambda row: bool(row.project_id != DEFAULTS))
    return {**defaults, **{row.resource: row.hard_limit for row in rows if row.resource in defaults}}


def set_limits(tx: Tx, project_id: str, values: Mapping[str, int]) -> None:
    for resource, limit in values.items():
        where = (quota_limits.c.project_id == project_id) & (quota_limits.c.resource == resource)
        if not tx.update(quota_limits, where, {"hard_limit": limit}):
            tx.insert(quota_limits, {"project_id": project_id, "resource": resource, "hard_limit": limit})


def clear_limits(tx: Tx, project_id: str, resources: Sequence[str]) -> None:
    """Back to the defaults for these resources."""
    tx.delete(quota_limits, (quota_limits.c.project_id == project_id) & quota_limits.c.resource.in_(resources))


def usage(tx: Tx, project_id: str) -> dict[str, int]:
    """What the counters say; a resource that was never used is absent."""
    rows = tx.all(sa.select(quota_usage.c.resource, quota_usage.c.used).where(quota_usage.c.project_id == project_id))
    return {row.resource: row.used for row in rows}


def take(
    tx: Tx, project_id: str, amounts: Mapping[str, int], defaults: Mapping[str, int], limited: bool = True
) -> None:
    """Adds the amounts, or raises QuotaExceeded naming the first resource (in order) over its limit.

    One conditional UPDATE a resource: racing requests can't both pass, on any database.
    """
    allowed = limits(tx, project_id, defaults) if limited else dict.fromkeys(amounts, -1)
    for resource, amount in amounts.items():
        if amount == 0:
            continue
        limit = allowed[resource]
        where = (quota_usage.c.project_id == project_id) & (quota_usage.c.resource == resource)
        if limit >= 0:
            where = where & (quota_usage.c.used + amount <= limit)
        if tx.update(quota_usage, where, {"used": quota_usage.c.used + amount}):
            continue
        used = usage(tx, project_id).get(resource)
        if used is None and (limit < 0 or amount <= limit):
            row = {"project_id": project_id, "resource": resource, "used": amount}
            tx.insert(quota_usage, row, conflict=TryAgain("Another request made the counter first."))
            continue
        if limit < 0 or (used or 0) + amount <= limit:
            raise TryAgain("The counter was made or lowered meanwhile.")
        raise QuotaExceeded(
            f"Quota exceeded for {resource}: Requested {amount}, but already used {used or 0} of {limit} {resource}",
            resource=resource, requested=amount, used=used or 0, limit=limit,
        )  # fmt: skip


def count(tx: Tx, project_id: str, amounts: Mapping[str, int]) -> None:
    """Adds the amounts without asking the limits: for what the platform makes by itself."""
    take(tx, project_id, amounts, {}, limited=False)


def give(tx: Tx, project_id: str, amounts: Mapping[str, int]) -> None:
    """Takes the amounts off the counters, which never go below zero."""
    for resource, amount in amounts.items():
        if amount == 0:
            continue
        where = (quota_usage.c.project_id == project_id) & (quota_usage.c.resource == resource)
        left = sa.case((quota_usage.c.used > amount, quota_usage.c.used - amount), else_=0)
        tx.update(quota_usage, where, {"used": left})
