"""Flavors: who sees which, and what administrators do with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db.compute import flavors
from iaas.db.engine import Tx
from iaas.errors import Conflict, NotFound
from iaas.model.flavor import Flavor


def get(compute: Compute, context: Context, flavor_id: str) -> Flavor:
    """Raises NotFound, also for a private flavor that the project has no access to (S-059)."""
    with compute.database.read() as tx:
        return flavors.get(tx, flavor_id, None if context.is_admin else context.owner)


def page(compute: Compute, context: Context, limit: int, **wanted: Any) -> list[Flavor]:
    """``wanted``: as for db.compute.flavors.page, but ``project_id``; only administrators choose
    ``is_public``.
    """
    public = wanted.pop("is_public", True)
    if not context.is_admin:
        wanted["disabled"], public = False, True
    with compute.database.read() as tx:
        return flavors.page(tx, limit, project_id=context.owner or None, is_public=public, **wanted)


def create(compute: Compute, flavor: Flavor) -> Flavor:
    """A private flavor is nobody's until access is given, not even its maker's project's. Raises Conflict."""

    def write(tx: Tx) -> Flavor:
        flavors.insert(tx, flavor)
        return flavors.get(tx, flavor.id)

    return compute.database.run(write)


def update(compute: Compute, flavor_id: str, values: Mapping[str, Any]) -> Flavor:
    def write(tx: Tx) -> Flavor:
        flavors.change(tx, flavor_id, values)
        return flavors.get(tx, flavor_id)

    return compute.database.run(write)


def delete(compute: Compute, flavor_id: str) -> None:
    compute.database.run(lambda tx: flavors.remove(tx, flavor_id))


def set_specs(compute: Compute, flavor_id: str, specs: Mapping[str, str]) -> dict[str, str]:
    """Adds to the extra specs; gives those that were set."""

    def write(tx: Tx) -> dict[str, str]:
        flavor = flavors.get(tx, flavor_id)
        flavors.change(tx, flavor_id, {"extra_specs": {**flavor.extra_specs, **specs}})
        return dict(specs)

    return compute.database.run(write)


def remove_spec(compute: Compute, flavor_id: str, key: str) -> None:
    def write(tx: Tx) -> None:
        flavor = flavors.get(tx, flavor_id)
        if key not in flavor.extra_specs:
            raise NotFound(f"Flavor {flavor_id} has no extra specs with key {key}.")
        flavors.change(tx, flavor_id, {"extra_specs": {k: v for k, v in flavor.extra_specs.items() if k != key}})

    compute.database.run(write)


def accesses(compute: Compute, flavor_id: str) -> list[str]:
    """Raises NotFound for a public flavor, which has no access list."""
    with compute.database.read() as tx:
        if flavors.get(tx, flavor_id).is_public:
            raise NotFound("Access list not available for public flavors.")
        return list(flavors.accesses(tx, flavor_id))


def change_access(compute: Compute, flavor_id: str, project_id: str, allowed: bool, public_refused: bool) -> list[str]:
    """``public_refused``: adding to a public flavor is a Conflict (since 2.7)."""

    def write(tx: Tx) -> list[str]:
        flavor = flavors.get(tx, flavor_id)
        if allowed and flavor.is_public and public_refused:
            raise Conflict("Can not add access to a public flavor.")
        (flavors.allow if allowed else flavors.disallow)(tx, flavor_id, project_id)
        return list(flavors.accesses(tx, flavor_id))

    return compute.database.run(write)
