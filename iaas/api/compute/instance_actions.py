"""os-instance-actions: what was asked of a server, and how each step of it went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.compute.server_view import host_id
from iaas.api.route import READER, Route, Rule
from iaas.clock import iso8601_micro
from iaas.compute import history
from iaas.compute.history import Span
from iaas.compute.service import Compute
from iaas.model.operation import JournalLine, Operation
from iaas.model.server import Server

DELETED_TOO = "2.21"
PAGES = "2.58"


def list_actions(call: Call[Compute]) -> dict[str, Any]:
    span = _span(call) if call.at_least(PAGES) else Span()
    deleted = call.at_least(DELETED_TOO)
    server, found = history.of_server(call.services, call.context, call.path["id"], span, deleted)
    answer: dict[str, Any] = {"instanceActions": [_action(call, server, item) for item in found]}
    if call.at_least(PAGES) and found and len(found) == span.limit:
        href = paging.next_url(call, found[-1].request_id)
        answer["links"] = [{"rel": "next", "href": href}]
    return answer


def show_action(call: Call[Compute]) -> dict[str, Any]:
    server, item, lines = history.of_request(
        call.services, call.context, call.path["id"], call.path["request_id"], call.at_least(DELETED_TOO)
    )
    shown = _action(call, server, item)
    if call.context.is_admin or call.at_least("2.51"):
        shown["events"] = _events(call, server, lines)
    return {"instanceAction": shown}


def _span(call: Call[Compute]) -> Span:
    page = paging.page(call.query, {}, ())
    return Span(limit=page.limit, marker=page.marker, since=paging.moment(call.query, "changes-since"),
                before=paging.moment(call.query, "changes-before") if call.at_least("2.66") else None)  # fmt: skip


def _action(call: Call[Compute], server: Server, item: Operation) -> dict[str, Any]:
    shown = {
        "action": item.kind.partition(".")[2],
        "instance_uuid": server.id,
        "request_id": item.request_id,
        "user_id": item.user_id,
        "project_id": item.project_id,
        "start_time": iso8601_micro(item.created_at),
        "message": item.error,
    }
    if call.at_least(PAGES):
        shown["updated_at"] = iso8601_micro(item.updated_at)
    return shown


def _events(call: Call[Compute], server: Server, lines: Sequence[JournalLine]) -> list[dict[str, Any]]:
    traces, hosts = call.allows(rules.EVENTS.name), call.allows(rules.EVENT_DETAILS.name)
    found = []
    for line in lines:
        event: dict[str, Any] = {
            "event": f"compute_{line.step.replace(':', '_')}",
            "start_time": iso8601_micro(line.started_at),
            "finish_time": iso8601_micro(line.finished_at),
            "result": line.result,
        }
        if traces:  # why each host was rejected, and what a host said: the operator's business
            event["traceback"] = line.message
        if call.at_least("2.62"):
            event["hostId"] = host_id(server.project_id, line.host)
            if hosts:
                event["host"] = line.host
        if call.at_least("2.84"):
            event["details"] = line.message if hosts else line.words
        found.append(event)
    return found


_PATH = "/v2.1/servers/<id>/os-instance-actions"
ROUTES = (
    Route("GET", _PATH, list_actions, policy=Rule("os_compute_api:os-instance-actions:list", READER)),
    Route("GET", _PATH + "/<request_id>", show_action, policy=Rule("os_compute_api:os-instance-actions:show", READER)),
)
