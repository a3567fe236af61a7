"""Servers: list, show, create, update, delete."""

from __future__ import annotations

from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.compute import rules, server_body, server_query
from iaas.api.compute.server_view import View
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import as_bool
from iaas.compute import create as creation
from iaas.compute import lifecycle, servers
from iaas.compute.service import Compute
from iaas.db.compute.server_lists import SORT_KEYS
from iaas.errors import Forbidden

_HIDDEN_KEYS = {"host", "node"}


def _page(call: Call[Compute], all_tenants: str) -> tuple[list[Any], Any, dict[str, Any]]:
    wanted, address = server_query.wanted(call, all_tenants)
    page = paging.page(call.query, call.query_lists, tuple(SORT_KEYS), (("created_at", "desc"),))
    if not call.context.is_admin and _HIDDEN_KEYS & {key for key, _ in page.sort}:
        raise Forbidden("Only administrators can sort servers by host or node.")
    found, details = servers.page(call.services, wanted, page.limit, page.marker, page.sort, address)
    links = {}
    if found and len(found) == page.limit:
        links["servers_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].id)}]
    return found, details, links


def list_servers(call: Call[Compute]) -> dict[str, Any]:
    found, _, links = _page(call, rules.ALL_TENANTS.name)
    view = View(call)
    return {"servers": [view.brief(server) for server in found], **links}


def list_details(call: Call[Compute]) -> dict[str, Any]:
    found, details, links = _page(call, rules.ALL_TENANTS_DETAIL.name)
    view = View(call)
    return {"servers": [view.full(server, details) for server in found], **links}


def show_server(call: Call[Compute]) -> dict[str, Any]:
    view = View(call)
    server, details = servers.show(call.services, call.context, call.path["id"])
    shown = view.full(server, details)
    if view.minor >= 71:
        shown["server_groups"] = [server.group_id] if server.group_id else []
    return {"server": shown}


def create_server(call: Call[Compute]) -> Reply:
    wish = server_body.new_servers(call)
    if isinstance(wish.networks, tuple):
        call.enforce(rules.ATTACH_NETWORK.name)
    reservation, ids = creation.create(call.services, call.context, wish)
    if as_bool(call.body["server"].get("return_reservation_id", False)):
        return Reply({"reservation_id": reservation})
    links = View(call).links("servers", ids[0])
    groups = [{"name": name} for name in wish.security_groups or ("default",)]
    shown = {"id": ids[0], "links": links, "OS-DCF:diskConfig": "MANUAL", "security_groups": groups}
    return Reply({"server": shown}, headers={"Location": links[0]["href"]})


def update_server(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["server"]
    server_body.check_fields(body, call.version.minor if call.version else 1)
    values = {name: body[name] for name in ("name", "description") if name in body}
    servers.update(call.services, call.context, call.path["id"], values)
    return show_server(call)


def delete_server(call: Call[Compute]) -> None:
    lifecycle.delete(call.services, call.context, call.path["id"])


ROUTES = (
    Route("GET", "/v2.1/servers", list_servers, policy=Rule("os_compute_api:servers:index", READER)),
    Route("GET", "/v2.1/servers/detail", list_details, policy=Rule("os_compute_api:servers:detail", READER)),
    Route("POST", "/v2.1/servers", create_server, policy=Rule("os_compute_api:servers:create", MEMBER),
          body=server_body.CREATE, status=202),
    Route("GET", "/v2.1/servers/<id>", show_server, policy=Rule("os_compute_api:servers:show", READER)),
    Route("PUT", "/v2.1/servers/<id>", update_server, policy=Rule("os_compute_api:servers:update", MEMBER),
          body=server_body.UPDATE),
    Route("DELETE", "/v2.1/servers/<id>", delete_server, policy=Rule("os_compute_api:servers:delete", MEMBER),
          status=204),
)  # fmt: skip
