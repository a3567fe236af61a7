"""/os-migrations: every move of every server, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.compute.moving import migrations
from iaas.compute.service import Compute
from iaas.db.compute.migrations import Wanted
from iaas.errors import Invalid
from iaas.model.placement import COLD, EVACUATION, LIVE, RESIZE, UNDER_WAY, Migration

PAGES, PEOPLE = "2.59", "2.80"
_FILTERS = {"host": "host", "source_compute": "source_host", "status": "status", "migration_type": "kind",
            "instance_uuid": "server_id"}  # fmt: skip
_PEOPLE = {"user_id": "user_id", "project_id": "project_id"}
_KINDS = (RESIZE, COLD, LIVE, EVACUATION)


def list_migrations(call: Call[Compute]) -> dict[str, Any]:
    pages = call.at_least(PAGES)
    names = {**_FILTERS, **(_PEOPLE if call.at_least(PEOPLE) else {})}
    values: dict[str, Any] = {field: call.query[name] for name, field in names.items() if name in call.query}
    if values.get("kind", LIVE) not in _KINDS:
        raise Invalid(f"Invalid migration_type {values['kind'][:40]!r}", field="migration_type")
    if pages:
        values |= {"since": paging.moment(call.query, "changes-since")}
        values |= {"before": paging.moment(call.query, "changes-before")} if call.at_least("2.66") else {}
    page = paging.page(call.query if pages else {}, {}, ())
    found = migrations.page(call.services, Wanted(**values), page.limit, page.marker)
    answer: dict[str, Any] = {"migrations": [_view(call, item) for item in found]}
    if pages and found and len(found) == page.limit:
        answer["migrations_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].uuid)}]
    return answer


def when(moment: datetime) -> str:
    """Without a zone: as it was before there were rules."""
    return f"{moment.isoformat()[:19]}.{moment.microsecond:06d}"


def people(call: Call[Compute], item: Migration) -> dict[str, Any]:
    """Fields by the version that brought them."""
    shown: dict[str, Any] = {"uuid": item.uuid} if call.at_least(PAGES) else {}
    return shown | ({"user_id": item.user_id, "project_id": item.project_id} if call.at_least(PEOPLE) else {})


def _view(call: Call[Compute], item: Migration) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": item.id,
        "instance_uuid": item.server_id,
        "source_compute": item.source_host or None,
        "source_node": item.source_node,
        "dest_compute": item.dest_host,
        "dest_node": item.dest_node,
        "dest_host": item.dest_host,
        "old_instance_type_id": item.old_flavor_id,
        "new_instance_type_id": item.new_flavor_id,
        "status": item.status,
        "created_at": when(item.created_at),
        "updated_at": when(item.updated_at),
    }
    if call.at_least("2.23"):
        shown["migration_type"] = item.kind
        if item.kind == LIVE and item.status in UNDER_WAY:
            path = f"servers/{item.server_id}/migrations/{item.id}"
            shown["links"] = [
                {"rel": "self", "href": f"{call.base_url}/v2.1/{path}"},
                {"rel": "bookmark", "href": f"{call.base_url}/{path}"},
            ]
    return shown | people(call, item)


ROUTES = (
    Route("GET", "/v2.1/os-migrations", list_migrations, policy=Rule("os_compute_api:os-migrations:index", ADMIN)),
)
