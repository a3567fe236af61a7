"""Regions, services, endpoints, and the catalog that a token's holder sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.identity import catalog as db
from iaas.db.identity.nouns import ENDPOINTS, REGIONS, SERVICES
from iaas.errors import Conflict, Invalid
from iaas.identity.collection import Collection, bounded
from iaas.model.catalog import Endpoint, Entry, Region, Service, resolve


class Regions(Collection[Region]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REGIONS)

    def _create(self, tx: Tx, value: Region) -> Region:
        if REGIONS.find(tx, id=value.id):
            raise Conflict(
                f"Conflict occurred attempting to store region - Duplicate ID, {value.id}.", resource="region"
            )
        if value.parent_region_id is not None:
            REGIONS.get(tx, value.parent_region_id)
        return super()._create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Region:
        above, seen = changes.get("parent_region_id"), {id}
        while above is not None:
            if above in seen:
                raise Invalid("A region can't be below itself.", field="parent_region_id")
            seen.add(above)
            above = REGIONS.get(tx, above).parent_region_id
        return super()._update(tx, id, changes)

    def _delete(self, tx: Tx, id: str) -> None:
        db.delete_region(tx, id)


class Services(Collection[Service]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, SERVICES)


class Endpoints(Collection[Endpoint]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ENDPOINTS)

    def catalog(self, user_id: str, project_id: str | None) -> list[Entry]:
        """Enabled services with the endpoints that this caller can use, their URLs filled in."""
        with self._database.read() as tx:
            entries = db.catalog(tx, project_id)
        resolved = []
        for entry in entries:
            urls = [(item, resolve(item.url, project_id, user_id)) for item in entry.endpoints]
            usable = [replace(item, url=url) for item, url in urls if url is not None]
            resolved.append(replace(entry, endpoints=usable))
        return resolved

    def create_in(self, value: Endpoint, region: str | None) -> Endpoint:
        """``region``: one that is made when it is not there, as the API always did for the old name of region_id."""
        bounded(value.extra)

        def work(tx: Tx) -> Endpoint:
            if region is not None and REGIONS.find(tx, id=region) is None:
                REGIONS.create(tx, Region(id=region))
            return self._create(tx, value if region is None else replace(value, region_id=region))

        return self._database.run(work)

    def _create(self, tx: Tx, value: Endpoint) -> Endpoint:
        check_place(tx, value.service_id, value.region_id)
        return super()._create(tx, value)

    def _update(self, tx: Tx, id: str, changes: Mapping[str, Any]) -> Endpoint:
        check_place(tx, changes.get("service_id"), changes.get("region_id"))
        return super()._update(tx, id, changes)


def check_place(tx: Tx, service_id: str | None, region_id: str | None) -> None:
    """Raises Invalid for a service or region that is named and does not exist."""
    if service_id is not None and SERVICES.find(tx, id=service_id) is None:
        raise Invalid(f"Expecting to find valid service_id: {service_id[:64]} does not exist.", field="service_id")
    if region_id is not None and REGIONS.find(tx, id=region_id) is None:
        raise Invalid(f"Expecting to find valid region_id: {region_id[:64]} does not exist.", field="region_id")
