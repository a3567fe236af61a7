"""Quotas of the network service under the names of its API: singular there, plural in the counters."""

from __future__ import annotations

from collections.abc import Mapping

from iaas.db import quotas as quotas_db
from iaas.db.engine import Tx
from iaas.db.network import usage as usage_db
from iaas.errors import Invalid, QuotaExceeded
from iaas.network.settings import RESOURCES, Settings

NAMES = {resource[:-1]: resource for resource in RESOURCES}  # "network" -> "networks"


def defaults(settings: Settings) -> dict[str, int]:
    return {name: settings.limits[resource] for name, resource in NAMES.items()}


def limits(tx: Tx, settings: Settings, project_id: str) -> dict[str, int]:
    found = quotas_db.limits(tx, project_id, settings.limits)
    return {name: found[resource] for name, resource in NAMES.items()}


def used(tx: Tx, project_id: str) -> dict[str, int]:
    found = quotas_db.usage(tx, project_id)
    return {name: found.get(resource, 0) for name, resource in NAMES.items()}


def check_room(tx: Tx, settings: Settings, project_id: str, amounts: Mapping[str, int]) -> None:
    """Raises QuotaExceeded when there is no room for so many more. A look only: the taking decides."""
    allowed, have = limits(tx, settings, project_id), used(tx, project_id)
    for name, amount in amounts.items():
        if 0 <= allowed[name] < have[name] + amount and amount:
            raise QuotaExceeded(
                f"Quota exceeded for {NAMES[name]}: Requested {amount}, "
                f"but already used {have[name]} of {allowed[name]} {NAMES[name]}",
                resource=NAMES[name], requested=amount, used=have[name], limit=allowed[name],
            )  # fmt: skip


def listed(tx: Tx, settings: Settings) -> dict[str, dict[str, int]]:
    """Project -> limits, for the projects that have limits of their own."""
    projects = usage_db.projects_with_limits(tx, RESOURCES)
    return {project: limits(tx, settings, project) for project in projects}


def change(
    tx: Tx, settings: Settings, project_id: str, values: Mapping[str, int], check: bool = False
) -> dict[str, int]:
    """``check`` refuses a limit below what is in use. Raises Invalid."""
    have = used(tx, project_id) if check else {}
    for name, limit in values.items():
        if name not in NAMES:
            raise Invalid(f"Unrecognized attribute(s) '{name[:64]}'", field=name)
        if 0 <= limit < have.get(name, 0):
            raise Invalid(f"Quota limit {limit} is lower than the usage {have[name]} of {name}.", field=name)
    quotas_db.set_limits(tx, project_id, {NAMES[name]: limit for name, limit in values.items()})
    return limits(tx, settings, project_id)


def reset(tx: Tx, project_id: str) -> None:
    usage_db.drop_limits(tx, project_id, RESOURCES)
