"""Policy documents, and where each applies: to an endpoint, to a service, or to a service in a region and below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from iaas.db.engine import TryAgain, Tx
from iaas.db.identity.nouns import ENDPOINTS, REGIONS, SERVICES
from iaas.db.identity.rows import Rows
from iaas.db.schema.identity import endpoints, regions
from iaas.db.schema.identity_catalog import policies, policy_places
from iaas.errors import NotFound
from iaas.model.catalog import Endpoint
from iaas.model.identity.policy import Policy

POLICIES = Rows(policies, Policy, "policy")
_c = policy_places.c


def place(endpoint_id: str | None = None, service_id: str | None = None, region_id: str | None = None) -> str:
    """The key of the place, of which each has one policy at most."""
    if endpoint_id is not None:
        return f"endpoint/{endpoint_id}"
    return f"service/{service_id}" if region_id is None else f"region/{service_id}/{region_id}"


def check_place(
    tx: Tx, endpoint_id: str | None = None, service_id: str | None = None, region_id: str | None = None
) -> None:
    """Raises NotFound for a place that does not exist."""
    for rows, id in ((ENDPOINTS, endpoint_id), (SERVICES, service_id), (REGIONS, region_id)):
        if id is not None:
            rows.get(tx, id)


def associate(tx: Tx, policy_id: str, **where: str | None) -> None:
    """The place has this policy from now on, and no other."""
    key = place(**where)
    if not tx.update(policy_places, _c.place == key, {"policy_id": policy_id}):
        again = TryAgain("Another request gave this place a policy.")
        tx.insert(policy_places, {"place": key, "policy_id": policy_id, **where}, conflict=again)


def check(tx: Tx, policy_id: str, **where: str | None) -> None:
    """Raises NotFound when the place has another policy, or none."""
    query = sa.select(_c.place).where(_c.place == place(**where), _c.policy_id == policy_id)
    if tx.first(query) is None:
        raise NotFound(f"No policy association found for policy {policy_id} there.", resource="policy_association")


def dissociate(tx: Tx, policy_id: str, **where: str | None) -> None:
    """Raises NotFound when the place has another policy, or none."""
    check(tx, policy_id, **where)
    tx.delete(policy_places, (_c.place == place(**where)) & (_c.policy_id == policy_id))


def endpoints_of(tx: Tx, policy_id: str) -> list[Endpoint]:
    """The endpoints to which the policy is associated in any way."""
    mine = _c.policy_id == policy_id
    direct = sa.select(_c.endpoint_id).where(mine, _c.endpoint_id.is_not(None))
    by_service = sa.select(endpoints.c.id).join(policy_places, _c.service_id == endpoints.c.service_id)
    below = sa.select(_c.service_id, _c.region_id).where(mine, _c.region_id.is_not(None)).cte("below", recursive=True)
    further = sa.select(below.c.service_id, regions.c.id).join(below, regions.c.parent_region_id == below.c.region_id)
    below = below.union(further)
    by_region = sa.select(endpoints.c.id).join(
        below, (below.c.service_id == endpoints.c.service_id) & (below.c.region_id == endpoints.c.region_id)
    )
    among = sa.union(direct, by_service.where(mine, _c.region_id.is_(None)), by_region)
    return ENDPOINTS.page(tx, {}, limit=10_000, among=among)


def first_at(tx: Tx, places: Sequence[str]) -> Policy | None:
    """The policy of the first of these places that has one."""
    query = sa.select(_c.place, *POLICIES.table.c).join(policies, policies.c.id == _c.policy_id)
    found: dict[str, sa.Row[Any]] = {row.place: row for row in tx.all(query.where(_c.place.in_(places)))}
    return next((POLICIES.of(found[key]) for key in places if key in found), None)


def regions_above(tx: Tx, region_id: str | None) -> list[str]:
    """The region and those that it is in, from the inside out."""
    start = sa.select(regions.c.id, regions.c.parent_region_id, sa.literal(0).label("height"))
    chain = start.where(regions.c.id == region_id).cte("chain", recursive=True)
    step = sa.select(regions.c.id, regions.c.parent_region_id, chain.c.height + 1)
    chain = chain.union_all(step.where(regions.c.id == chain.c.parent_region_id, chain.c.height < 100))
    return [row.id for row in tx.all(sa.select(chain.c.id).order_by(chain.c.height))]
