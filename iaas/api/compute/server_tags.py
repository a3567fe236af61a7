"""A server's tags (since 2.26)."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.server_body import TAGS
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import obj
from iaas.compute import servers
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound

SINCE = "2.26"


def list_tags(call: Call[Compute]) -> dict[str, Any]:
    return {"tags": servers.tags_of(call.services, call.context, call.path["id"])}


def show_tag(call: Call[Compute]) -> None:
    if call.path["tag"] not in servers.tags_of(call.services, call.context, call.path["id"]):
        raise NotFound(f"Server {call.path['id']} has no tag '{call.path['tag']}'")


def replace_all(call: Call[Compute]) -> dict[str, Any]:
    wanted = call.body["tags"]
    return {"tags": servers.replace_tags(call.services, call.context, call.path["id"], lambda now: wanted)}


def add_tag(call: Call[Compute]) -> Reply:
    tag = call.path["tag"]
    if len(tag) > 60 or "," in tag:
        raise Invalid("A tag has at most 60 characters and no comma.", field="tag")
    before = servers.tags_of(call.services, call.context, call.path["id"])
    servers.replace_tags(call.services, call.context, call.path["id"], lambda now: [*now, tag])
    location = f"{call.base_url}/v2.1/servers/{call.path['id']}/tags/{tag}"
    return Reply(None, status=204 if tag in before else 201, headers={"Location": location})


def delete_tag(call: Call[Compute]) -> None:
    servers.remove_tag(call.services, call.context, call.path["id"], call.path["tag"])


def delete_all(call: Call[Compute]) -> None:
    servers.replace_tags(call.services, call.context, call.path["id"], lambda now: [])


_PATH = "/v2.1/servers/<id>/tags"
_RULE = "os_compute_api:os-server-tags:"
_BODY = obj({"tags": TAGS}, ("tags",))
ROUTES = (
    Route("GET", _PATH, list_tags, policy=Rule(_RULE + "index", READER), since=SINCE),
    Route("PUT", _PATH, replace_all, policy=Rule(_RULE + "update_all", MEMBER), body=_BODY, since=SINCE),
    Route("DELETE", _PATH, delete_all, policy=Rule(_RULE + "delete_all", MEMBER), status=204, since=SINCE),
    Route("GET", _PATH + "/<tag>", show_tag, policy=Rule(_RULE + "show", READER), status=204, since=SINCE),
    Route("PUT", _PATH + "/<tag>", add_tag, policy=Rule(_RULE + "update", MEMBER), since=SINCE),
    Route("DELETE", _PATH + "/<tag>", delete_tag, policy=Rule(_RULE + "delete", MEMBER), status=204, since=SINCE),
)
