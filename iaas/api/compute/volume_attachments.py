"""os-volume_attachments: the volumes of a server."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.compute.server_body import TAG
from iaas.api.route import MEMBER, READER, Route, Rule
from iaas.api.schema import BOOLEAN, UUID, as_bool, wrapped
from iaas.compute import attachments
from iaas.compute.attachments import NewAttachment
from iaas.compute.service import Compute
from iaas.errors import Invalid, Unsupported
from iaas.model.volume import Attachment

TAGGED = (49, 70)  # since: tags may be given, tags are shown
KEPT = 79  # delete_on_termination
UPDATED = "2.85"
MULTIATTACH = "2.60"

_DEVICE = {"type": ["string", "null"], "maxLength": 255, "pattern": "^(/dev/)?[a-zA-Z0-9]+$"}
_FIELDS: dict[str, Any] = {"volumeId": UUID, "device": _DEVICE}
CREATE = wrapped("volumeAttachment", {**_FIELDS, "tag": TAG, "delete_on_termination": BOOLEAN}, ("volumeId",))
UPDATE = wrapped(
    "volumeAttachment",
    {**_FIELDS, "id": UUID, "serverId": UUID, "tag": {**TAG, "type": ["string", "null"]},
     "delete_on_termination": BOOLEAN},
    ("volumeId",),
)  # fmt: skip


def list_attachments(call: Call[Compute]) -> dict[str, Any]:
    found = attachments.of_server(call.services, call.context, call.path["id"])
    first, number = (_bound(call, name) for name in ("offset", "limit"))
    end = None if number is None else (first or 0) + number
    return {"volumeAttachments": [_view(call, item) for item in found[first or 0 : end]]}


def show_attachment(call: Call[Compute]) -> dict[str, Any]:
    found = attachments.one(call.services, call.context, call.path["id"], call.path["volume"])
    return {"volumeAttachment": _view(call, found)}


def create_attachment(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["volumeAttachment"]
    minor = call.version.minor if call.version else 1
    for name, since in (("tag", TAGGED[0]), ("delete_on_termination", KEPT)):
        if name in body and minor < since:
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)", field=name)
    wish = NewAttachment(
        volume_id=body["volumeId"],
        device=body.get("device"),
        delete_on_termination=as_bool(body.get("delete_on_termination", False)),
        tag=body.get("tag"),
        multiattach=call.at_least(MULTIATTACH),
    )
    return {"volumeAttachment": _view(call, attachments.attach(call.services, call.context, call.path["id"], wish))}


def update_attachment(call: Call[Compute]) -> None:
    """From 2.85 on: whether the volume ends with the server. Another volumeId is a swap of volumes."""
    body, volume_id = call.body["volumeAttachment"], call.path["volume"]
    if not call.at_least(UPDATED) or body["volumeId"] != volume_id:
        call.enforce(rules.SWAP_VOLUME.name)
        attachments.one(call.services, call.context, call.path["id"], volume_id)
        raise Unsupported("Volumes can't be swapped here: detach the one and attach the other.")
    found = attachments.one(call.services, call.context, call.path["id"], volume_id)
    shown = {**_view(call, found), "tag": found.tag}
    for name in ("device", "id", "serverId", "tag"):
        if name in body and body[name] != shown[name]:
            raise Invalid(f"The {name} of an attachment can't be changed.", field=name)
    keep = as_bool(body.get("delete_on_termination", found.delete_on_termination))
    attachments.keep(call.services, call.context, call.path["id"], volume_id, keep)


def delete_attachment(call: Call[Compute]) -> None:
    attachments.detach(call.services, call.context, call.path["id"], call.path["volume"])


def _view(call: Call[Compute], item: Attachment) -> dict[str, Any]:
    minor = call.version.minor if call.version else 1
    shown: dict[str, Any] = {
        "id": item.volume_id,
        "volumeId": item.volume_id,
        "serverId": item.server_id,
        "device": f"/dev/{item.device}",
    }
    if minor >= TAGGED[1]:
        shown["tag"] = item.tag
    if minor >= KEPT:
        shown["delete_on_termination"] = item.delete_on_termination
    return shown


def _bound(call: Call[Compute], name: str) -> int | None:
    text = call.query.get(name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 9:
        raise Invalid(f"Invalid input for query parameter {name}.", field=name)
    return int(text)


_PATH = "/v2.1/servers/<id>/os-volume_attachments"
_ONE = _PATH + "/<volume>"


def _rule(verb: str, check: str) -> Rule:
    return Rule(f"os_compute_api:os-volumes-attachments:{verb}", check)


ROUTES = (
    Route("GET", _PATH, list_attachments, policy=_rule("index", READER)),
    Route("POST", _PATH, create_attachment, policy=_rule("create", MEMBER), body=CREATE),
    Route("GET", _ONE, show_attachment, policy=_rule("show", READER)),
    Route("PUT", _ONE, update_attachment, policy=_rule("update", MEMBER), body=UPDATE, status=202),
    Route("DELETE", _ONE, delete_attachment, policy=_rule("delete", MEMBER), status=202),
)
