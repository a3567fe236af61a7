"""Key pairs of a user; another user's only for administrators (since 2.10)."""

from __future__ import annotations

from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import SELF_OR_ADMIN, Reply, Route, Rule
from iaas.api.schema import obj
from iaas.clock import iso8601_micro
from iaas.compute import keypairs
from iaas.compute.service import Compute
from iaas.errors import Invalid, Unsupported
from iaas.model.keypair import Keypair

_NAME = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[a-zA-Z0-9_ @.-]+$"}
CREATE = obj({"keypair": obj({
    "name": _NAME,
    "public_key": {"type": ["string", "null"], "maxLength": 16384},
    "type": {"type": "string", "enum": ["ssh", "x509"]},
    "user_id": {"type": ["string", "null"], "minLength": 1, "maxLength": 64},
}, ("name",))}, ("keypair",))  # fmt: skip
_RULE = "os_compute_api:os-keypairs:"


def list_keypairs(call: Call[Compute]) -> dict[str, Any]:
    user_id = _user(call, "index", call.query.get("user_id"))
    pages = call.at_least("2.35")
    page = paging.page(call.query if pages else {}, {}, ())
    found = keypairs.page(call.services, user_id, page.limit, page.marker)
    answer: dict[str, Any] = {"keypairs": [{"keypair": _brief(call, item)} for item in found]}
    if pages and found and len(found) == page.limit:
        answer["keypairs_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].name)}]
    return answer


def show_keypair(call: Call[Compute]) -> dict[str, Any]:
    user_id = _user(call, "show", call.query.get("user_id"))
    item = keypairs.get(call.services, user_id, call.path["name"])
    return {"keypair": {
        **_brief(call, item), "user_id": item.user_id, "id": _number(item), "deleted": False, "deleted_at": None,
        "created_at": iso8601_micro(item.created_at), "updated_at": None,
    }}  # fmt: skip


def create_keypair(call: Call[Compute]) -> Reply:
    body = call.body["keypair"]
    if body["name"] != body["name"].strip():
        raise Invalid("A name has no spaces at its ends.", field="name")
    _no_later_fields(call, body)
    if body.get("type", "ssh") != "ssh":
        raise Unsupported("Key pairs of the type x509 are not supported.")
    user_id = _user(call, "create", body.get("user_id"))
    made = keypairs.create(call.services, call.context, user_id, body["name"], body.get("public_key"))
    shown = {**_brief(call, made.keypair), "user_id": user_id}
    if made.private_key is not None:
        shown["private_key"] = made.private_key
    return Reply({"keypair": shown}, status=201 if call.at_least("2.2") else 200)


def delete_keypair(call: Call[Compute]) -> Reply:
    user_id = _user(call, "delete", call.query.get("user_id"))
    keypairs.delete(call.services, user_id, call.path["name"])
    return Reply(None, status=204 if call.at_least("2.2") else 202)


def _no_later_fields(call: Call[Compute], body: dict[str, Any]) -> None:
    for name, since in (("type", "2.2"), ("user_id", "2.10")):
        if name in body and not call.at_least(since):
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)", field=name)


def _user(call: Call[Compute], verb: str, asked: str | None) -> str:
    """The caller, or the user asked for when policy lets the caller."""
    user_id = (asked if call.at_least("2.10") else None) or call.context.user_id or ""
    call.enforce(_RULE + verb, {"user_id": user_id})
    return user_id


def _brief(call: Call[Compute], item: Keypair) -> dict[str, Any]:
    shown = {"name": item.name, "public_key": item.public_key, "fingerprint": item.fingerprint}
    if call.at_least("2.2"):
        shown["type"] = item.type
    return shown


def _number(item: Keypair) -> int:
    """The API has a number here that nothing refers to; it only has to stay the same."""
    return int(item.fingerprint.replace(":", "")[:7], 16)


ROUTES = (
    Route("GET", "/v2.1/os-keypairs", list_keypairs, policy=Rule(_RULE + "index", SELF_OR_ADMIN)),
    Route("POST", "/v2.1/os-keypairs", create_keypair, policy=Rule(_RULE + "create", SELF_OR_ADMIN), body=CREATE),
    Route("GET", "/v2.1/os-keypairs/<name>", show_keypair, policy=Rule(_RULE + "show", SELF_OR_ADMIN)),
    Route("DELETE", "/v2.1/os-keypairs/<name>", delete_keypair, policy=Rule(_RULE + "delete", SELF_OR_ADMIN)),
)
