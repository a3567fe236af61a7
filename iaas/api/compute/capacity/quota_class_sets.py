"""os-quota-class-sets: the limits of every project that has none of its own. There is one class, "default"."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.capacity.quota_sets import LIMIT, RESOURCES, shown
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj
from iaas.compute import quotas
from iaas.compute.service import Compute
from iaas.errors import Invalid

_PATH = "/v2.1/os-quota-class-sets/<name>"
UPDATE = obj({"quota_class_set": obj(dict.fromkeys(RESOURCES, LIMIT))}, ("quota_class_set",))


def show(call: Call[Compute]) -> dict[str, Any]:
    name = _class(call)
    return {"quota_class_set": {"id": name, **shown(call, quotas.defaults(call.services))}}


def update(call: Call[Compute]) -> dict[str, Any]:
    _class(call)
    wanted = {name: int(value) for name, value in call.body["quota_class_set"].items()}
    return {"quota_class_set": shown(call, quotas.update_defaults(call.services, wanted))}


def _class(call: Call[Compute]) -> str:
    name = call.path["name"]
    if name != "default":
        raise Invalid(f"There is no quota class {name[:64]!r}, only 'default'.", field="name")
    return name


ROUTES = (
    Route("GET", _PATH, show, policy=Rule("os_compute_api:os-quota-class-sets:show", ADMIN)),
    Route("PUT", _PATH, update, policy=Rule("os_compute_api:os-quota-class-sets:update", ADMIN), body=UPDATE),
)
