"""The service catalog: the join that every scoped token carries, and the checks of its parts."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.endpoint_filter import visible
from iaas.db.identity.nouns import ENDPOINTS, REGIONS, SERVICES
from iaas.db.schema.identity import endpoints, regions, services
from iaas.db.schema.identity_limits import registered_limits
from iaas.errors import Forbidden
from iaas.model.catalog import Endpoint, Entry


def catalog(tx: Tx, project_id: str | None) -> list[Entry]:
    """Every enabled service with its enabled endpoints, the URLs as stored; of a project that endpoints were chosen
    for, these only. In the order of ids."""
    services, endpoints = visible(project_id) if project_id else (None, None)
    known = {service.id: service for service in SERVICES.page(tx, {"enabled": True}, among=services)}
    found: dict[str, list[Endpoint]] = {id: [] for id in known}
    for endpoint in ENDPOINTS.page(tx, {"enabled": True}, limit=10_000, among=endpoints):
        if endpoint.service_id in found:
            found[endpoint.service_id].append(endpoint)
    return [Entry(service=known[id], endpoints=found[id]) for id in known]


def delete_region(tx: Tx, region_id: str) -> None:
    """Raises NotFound, or Forbidden for a region with sub-regions, endpoints or limits."""
    REGIONS.get(tx, region_id)
    below = sa.select(regions.c.id).where(regions.c.parent_region_id == region_id)
    inside = sa.select(endpoints.c.id).where(endpoints.c.region_id == region_id)
    limited = sa.select(registered_limits.c.id).where(registered_limits.c.region_id == region_id)
    if any(tx.first(query.limit(1)) for query in (below, inside, limited)):
        raise Forbidden(
            f"Unable to delete region {region_id} because it or its child regions have associated endpoints."
        )
    REGIONS.delete(tx, region_id)


def find_endpoint(tx: Tx, service_id: str, interface: str, region_id: str) -> Endpoint | None:
    return ENDPOINTS.find(tx, service_id=service_id, interface=interface, region_id=region_id)


def service_ids(tx: Tx, type: str) -> list[str]:
    query = sa.select(services.c.id).where(services.c.type == type).order_by(services.c.id)
    return [row.id for row in tx.all(query)]
