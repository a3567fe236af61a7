"""A flavor's extra specs."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.route import ADMIN, READER, Route, Rule
from iaas.api.schema import obj
from iaas.compute import flavors
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound

_SPECS = {
    "type": "object",
    "patternProperties": {r"^[a-zA-Z0-9_:. -]{1,255}$": {"type": ["string", "number", "boolean"], "maxLength": 255}},
    "additionalProperties": False,
    "maxProperties": 128,
}


def list_specs(call: Call[Compute]) -> dict[str, Any]:
    return {"extra_specs": flavors.get(call.services, call.context, call.path["id"]).extra_specs}


def create_specs(call: Call[Compute]) -> dict[str, Any]:
    given = {key: str(value) for key, value in call.body["extra_specs"].items()}
    return {"extra_specs": flavors.set_specs(call.services, call.path["id"], given)}


def show_spec(call: Call[Compute]) -> dict[str, Any]:
    key = call.path["key"]
    found = flavors.get(call.services, call.context, call.path["id"]).extra_specs
    if key not in found:
        raise NotFound(f"Flavor {call.path['id']} has no extra specs with key {key}.")
    return {key: found[key]}


def update_spec(call: Call[Compute]) -> dict[str, Any]:
    key = call.path["key"]
    if list(call.body) != [key]:
        raise Invalid("Request body and URI mismatch", field="body")
    return flavors.set_specs(call.services, call.path["id"], {key: str(call.body[key])})


def delete_spec(call: Call[Compute]) -> None:
    flavors.remove_spec(call.services, call.path["id"], call.path["key"])


_PATH = "/v2.1/flavors/<id>/os-extra_specs"
_RULE = "os_compute_api:os-flavor-extra-specs:"
ROUTES = (
    Route("GET", _PATH, list_specs, policy=rules.EXTRA_SPECS),
    Route("POST", _PATH, create_specs, policy=Rule(_RULE + "create", ADMIN),
          body=obj({"extra_specs": _SPECS}, ("extra_specs",))),
    Route("GET", _PATH + "/<key>", show_spec, policy=Rule(_RULE + "show", READER)),
    Route("PUT", _PATH + "/<key>", update_spec, policy=Rule(_RULE + "update", ADMIN),
          body={**_SPECS, "minProperties": 1, "maxProperties": 1}),
    Route("DELETE", _PATH + "/<key>", delete_spec, policy=Rule(_RULE + "delete", ADMIN)),
)  # fmt: skip
