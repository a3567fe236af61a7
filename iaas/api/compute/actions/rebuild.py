"""POST /servers/{id}/action: rebuild."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules, server_body
from iaas.api.compute.actions.action import action, image_ref
from iaas.api.compute.server_view import View
from iaas.api.route import Reply
from iaas.api.schema import obj
from iaas.compute import servers
from iaas.compute.actions import rebuild as rebuilding
from iaas.compute.service import Compute
from iaas.errors import Invalid

_SINCE = {"description": 19, "key_name": 54, "user_data": 57, "trusted_image_certificates": 63}


def rebuild(call: Call[Compute]) -> Reply:
    """The answer is the server as it is from now on, with its user data where that can be set."""
    body, minor = call.body["rebuild"], call.version.minor if call.version else 1
    for name, since in _SINCE.items():
        if name in body and minor < since:
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)", field=name)
    changes = {name: body[name] for name in ("name", "description", "metadata", "key_name") if name in body}
    if "user_data" in body:
        changes["user_data"] = server_body.user_data(body["user_data"])
    image = image_ref(body["imageRef"], "imageRef")
    zero_disk = call.allows(rules.ZERO_DISK.name)
    rebuilding.rebuild(call.services, call.context, call.path["id"], image, changes, zero_disk)
    view = View(call)
    server, details = servers.show(call.services, call.context, call.path["id"])
    shown = view.full(server, details)
    if minor >= 57:
        shown["user_data"] = server.user_data
    if minor < 54:
        del shown["key_name"]
    return Reply({"server": shown}, headers={"Location": shown["links"][0]["href"]})


_BODY: dict[str, Any] = obj(
    {
        "imageRef": {"type": "string", "minLength": 1, "maxLength": 512},
        "name": server_body.NAME,
        "description": server_body.DESCRIPTION,
        "metadata": server_body.METADATA,
        "key_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
        "user_data": {"type": ["string", "null"], "maxLength": server_body.USER_DATA_MAX},
        "preserve_ephemeral": {"enum": [False, "false", "False"]},  # no driver here could
        "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
        "trusted_image_certificates": {"type": "null"},
    },
    ("imageRef",),
)
ROUTES = (action("rebuild", rebuild, "servers:rebuild", _BODY),)
