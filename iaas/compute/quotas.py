"""Quotas of the compute service: limits, what is used, and changing the limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from iaas.compute.service import Compute
from iaas.db import quotas
from iaas.db.engine import Tx
from iaas.errors import Invalid, QuotaExceeded

COUNTED = ("instances", "cores", "ram", "fixed_ips", "server_groups")  # per project; key pairs are counted per user


@dataclass(frozen=True, kw_only=True)
class Quotas:
    """By resource; -1 is no limit."""

    limits: Mapping[str, int]
    used: Mapping[str, int]


def of_project(compute: Compute, project_id: str, user_id: str | None = None) -> Quotas:
    """``user_id``: whose key pairs are counted."""
    with compute.database.read() as tx:
        used = _used(compute, tx, project_id)
        if user_id:
            used["key_pairs"] = quotas.usage(tx, user_id).get("key_pairs", 0)
        return Quotas(limits=quotas.limits(tx, project_id, compute.quota), used=used)


def check_addresses(compute: Compute, tx: Tx, project_id: str, fresh: Sequence[str]) -> None:
    """After the ports of the ``fresh`` servers were made: whether the addresses of all the project's servers are within
    ``fixed_ips`` (A-099). Nothing is counted where there is no limit. Servers of one project are created one after the
    other, since each took from the project's counters first, so that a count is enough. Raises QuotaExceeded."""
    limit = quotas.limits(tx, project_id, compute.quota)["fixed_ips"]
    if limit < 0:
        return
    total = compute.network.addresses_of_servers(tx, project_id)
    requested = sum(len(port.fixed_ips) for id in fresh for port in compute.network.interfaces(tx, id))
    if total > limit:
        used = total - requested
        raise QuotaExceeded(
            f"Quota exceeded for fixed_ips: Requested {requested}, but already used {used} of {limit} fixed_ips",
            resource="fixed_ips", requested=requested, used=used, limit=limit,
        )  # fmt: skip


def _used(compute: Compute, tx: Tx, project_id: str) -> dict[str, int]:
    return {**quotas.usage(tx, project_id), "fixed_ips": compute.network.addresses_of_servers(tx, project_id)}


def update(compute: Compute, project_id: str, wanted: Mapping[str, int], force: bool) -> Mapping[str, int]:
    """Raises Invalid for a limit below what is used, unless forced."""

    def write(tx: Tx) -> Mapping[str, int]:
        used = _used(compute, tx, project_id)
        for resource, limit in wanted.items():
            if not force and 0 <= limit < used.get(resource, 0):
                raise Invalid(
                    f"Quota limit {limit} for {resource} must be greater than or equal to already used and "
                    f"reserved {used[resource]}.",
                    field=resource,
                )
        quotas.set_limits(tx, project_id, wanted)
        return quotas.limits(tx, project_id, compute.quota)

    return compute.database.run(write)


def reset(compute: Compute, project_id: str) -> None:
    """Back to the defaults."""
    compute.database.run(lambda tx: quotas.clear_limits(tx, project_id, tuple(compute.quota)))


def defaults(compute: Compute) -> Mapping[str, int]:
    """The limits of a project that has none of its own."""
    with compute.database.read() as tx:
        return quotas.limits(tx, quotas.DEFAULTS, compute.quota)


def update_defaults(compute: Compute, wanted: Mapping[str, int]) -> Mapping[str, int]:
    def write(tx: Tx) -> Mapping[str, int]:
        quotas.set_limits(tx, quotas.DEFAULTS, wanted)
        return quotas.limits(tx, quotas.DEFAULTS, compute.quota)

    return compute.database.run(write)
