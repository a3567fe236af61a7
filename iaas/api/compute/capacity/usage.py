"""os-simple-tenant-usage: what projects used in a span of time, by server when asked in detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import ADMIN, READER, Route, Rule
from iaas.clock import iso8601_micro
from iaas.compute import usage
from iaas.compute.service import Compute
from iaas.compute.usage import ServerUsage, Span
from iaas.errors import Invalid

PAGES = "2.40"


def list_usages(call: Call[Compute]) -> dict[str, Any]:
    span = _span(call)
    found = usage.of_servers(call.services, None, span)
    by_project: dict[str, list[ServerUsage]] = {}
    for item in found:
        by_project.setdefault(item.period.project_id, []).append(item)
    detailed = call.query.get("detailed", "").lower() in ("1", "true")  # the stock client says True
    shown = [_project(project, items, span, detailed) for project, items in by_project.items()]
    return {"tenant_usages": shown, **_links(call, "tenant_usages_links", found, span)}


def show_usage(call: Call[Compute]) -> dict[str, Any]:
    project = call.path["project_id"]
    span = _span(call)
    found = usage.of_servers(call.services, project, span)
    shown = _project(project, found, span, True) if found else {}
    return {"tenant_usage": shown, **_links(call, "tenant_usage_links", found, span)}


def _span(call: Call[Compute]) -> Span:
    now = call.services.database.now()
    start, end = (paging.moment(call.query, name) or now for name in ("start", "end"))
    if start > end:
        raise Invalid("Invalid start time. The start time cannot occur after the end time.", field="start")
    if not call.at_least(PAGES):
        return Span(start=start, end=end)
    page = paging.page(call.query, {}, ())
    return Span(start=start, end=end, limit=page.limit, marker=page.marker)


def _project(project: str, items: Sequence[ServerUsage], span: Span, detailed: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "tenant_id": project,
        "start": iso8601_micro(span.start),
        "stop": iso8601_micro(span.end),
        "total_hours": sum(item.hours for item in items),
        "total_vcpus_usage": sum(item.hours * item.period.flavor.vcpus for item in items),
        "total_memory_mb_usage": sum(item.hours * item.period.flavor.ram_mb for item in items),
        "total_local_gb_usage": sum(item.hours * _local_gb(item) for item in items),
    }
    return {**shown, "server_usages": [_server(item) for item in items]} if detailed else shown


def _server(item: ServerUsage) -> dict[str, Any]:
    period = item.period
    return {
        "instance_id": period.id,
        "name": period.name,
        "tenant_id": period.project_id,
        "flavor": period.flavor.name,
        "vcpus": period.flavor.vcpus,
        "memory_mb": period.flavor.ram_mb,
        "local_gb": _local_gb(item),
        "hours": item.hours,
        "uptime": item.uptime,
        "started_at": iso8601_micro(period.started_at),
        "ended_at": iso8601_micro(period.ended_at),
        "state": "terminated" if period.ended_at else period.state,
    }


def _local_gb(item: ServerUsage) -> int:
    return item.period.flavor.disk_gb + item.period.flavor.ephemeral_gb


def _links(call: Call[Compute], name: str, found: Sequence[ServerUsage], span: Span) -> dict[str, Any]:
    if not found or span.limit is None or len(found) < span.limit:
        return {}
    return {name: [{"rel": "next", "href": paging.next_url(call, found[-1].period.id)}]}


_PATH = "/v2.1/os-simple-tenant-usage"
_RULE = "os_compute_api:os-simple-tenant-usage:"
ROUTES = (
    Route("GET", _PATH, list_usages, policy=Rule(_RULE + "list", ADMIN)),
    Route("GET", _PATH + "/<project_id>", show_usage, policy=Rule(_RULE + "show", READER), target=("project_id",)),
)
