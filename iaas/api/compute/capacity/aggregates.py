"""os-aggregates: named sets of hosts with metadata; a zone is one of its keys."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import UUID, obj
from iaas.clock import iso8601_micro
from iaas.compute import aggregates
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound
from iaas.model.aggregate import ZONE, Aggregate

UUIDS = "2.41"
_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^\S(.*\S)?$"}
_ZONE = {"type": ["string", "null"], "minLength": 1, "maxLength": 255, "pattern": "^[^:]*$"}
_HOST = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]+$"}
_METADATA = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 128,
}
CREATE = obj({"aggregate": obj({"name": _NAME, ZONE: _ZONE}, ("name",))}, ("aggregate",))
UPDATE = obj({"aggregate": {**obj({"name": _NAME, ZONE: _ZONE}), "minProperties": 1}}, ("aggregate",))
CACHE = obj(
    {"cache": {"type": "array", "items": obj({"id": UUID}, ("id",)), "minItems": 1, "maxItems": 100,
               "uniqueItems": True}},
    ("cache",),
)  # fmt: skip


def list_aggregates(call: Call[Compute]) -> dict[str, Any]:
    return {"aggregates": [_shown(call, item) for item in aggregates.listed(call.services)]}


def show_aggregate(call: Call[Compute]) -> dict[str, Any]:
    return _wrapped(call, aggregates.get(call.services, _id(call)))


def create_aggregate(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["aggregate"]
    shown = _shown(call, aggregates.create(call.services, body["name"], body.get(ZONE)))
    return {"aggregate": {key: value for key, value in shown.items() if key not in ("hosts", "metadata")}}


def update_aggregate(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["aggregate"]
    metadata = {ZONE: body[ZONE]} if ZONE in body else {}
    return _wrapped(call, aggregates.change(call.services, _id(call), body.get("name"), metadata))


def delete_aggregate(call: Call[Compute]) -> None:
    aggregates.delete(call.services, _id(call))


def add_host(call: Call[Compute]) -> dict[str, Any]:
    return _wrapped(call, aggregates.add_host(call.services, _id(call), call.body["add_host"]["host"]))


def remove_host(call: Call[Compute]) -> dict[str, Any]:
    return _wrapped(call, aggregates.remove_host(call.services, _id(call), call.body["remove_host"]["host"]))


def set_metadata(call: Call[Compute]) -> dict[str, Any]:
    wanted = call.body["set_metadata"]["metadata"]
    if wanted.get(ZONE) == "":
        raise Invalid("An aggregate does not support an empty named availability zone.", field=ZONE)
    return _wrapped(call, aggregates.change(call.services, _id(call), None, wanted))


def cache_images(call: Call[Compute]) -> None:
    wanted = [item["id"] for item in call.body["cache"]]
    aggregates.cache_images(call.services, call.context, _id(call), wanted)


def _id(call: Call[Compute]) -> int:
    """Aggregates have numbers; what is none was never one."""
    text = call.path["id"]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound(f"Aggregate {text[:64]} could not be found.")
    return int(text)


def _wrapped(call: Call[Compute], item: Aggregate) -> dict[str, Any]:
    return {"aggregate": _shown(call, item)}


def _shown(call: Call[Compute], item: Aggregate) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": item.id,
        "name": item.name,
        "availability_zone": item.zone,
        "hosts": list(item.hosts),
        "metadata": item.metadata,
        "created_at": iso8601_micro(item.created_at),
        "updated_at": iso8601_micro(item.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
    return {**shown, "uuid": item.uuid} if call.at_least(UUIDS) else shown


def _action(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return obj({name: obj(properties, tuple(properties))}, (name,))


_PATH = "/v2.1/os-aggregates"
_ONE, _ACTION = _PATH + "/<id>", _PATH + "/<id>/action"
_RULE = "os_compute_api:os-aggregates:"
ROUTES = (
    Route("GET", _PATH, list_aggregates, policy=Rule(_RULE + "index", ADMIN)),
    Route("POST", _PATH, create_aggregate, policy=Rule(_RULE + "create", ADMIN), body=CREATE),
    Route("GET", _ONE, show_aggregate, policy=Rule(_RULE + "show", ADMIN)),
    Route("PUT", _ONE, update_aggregate, policy=Rule(_RULE + "update", ADMIN), body=UPDATE),
    Route("DELETE", _ONE, delete_aggregate, policy=Rule(_RULE + "delete", ADMIN)),
    Route("POST", _ACTION, add_host, policy=Rule(_RULE + "add_host", ADMIN), body=_action("add_host", {"host": _HOST}),
          action="add_host"),
    Route("POST", _ACTION, remove_host, policy=Rule(_RULE + "remove_host", ADMIN),
          body=_action("remove_host", {"host": _HOST}), action="remove_host"),
    Route("POST", _ACTION, set_metadata, policy=Rule(_RULE + "set_metadata", ADMIN),
          body=_action("set_metadata", {"metadata": _METADATA}), action="set_metadata"),
    Route("POST", _ONE + "/images", cache_images, policy=Rule("compute:aggregates:images", ADMIN), body=CACHE,
          status=202, since="2.81"),
)  # fmt: skip
