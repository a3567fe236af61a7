"""Volume types, read only."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.route import READER, Route, Rule
from iaas.api.volume import paths, rules
from iaas.db.volume import types
from iaas.model.volume import VolumeType
from iaas.volume.service import VolumeServices


def list_types(call: Call[VolumeServices]) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found = types.all_types(tx, private=call.context.is_admin)
    return {"volume_types": [_shown(call, kind) for kind in found]}


def show_type(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"volume_type": _shown(call, _found(call))}


def show_extra_specs(call: Call[VolumeServices]) -> dict[str, Any]:
    return {"extra_specs": _found(call).extra_specs}


def show_encryption(call: Call[VolumeServices]) -> dict[str, Any]:
    """Nothing: no type encrypts."""
    _found(call)
    return {}


def _found(call: Call[VolumeServices]) -> VolumeType:
    """``default`` stands for whichever is the default."""
    if call.path["id"] == "default":
        return types.DEFAULT
    with call.services.database.read() as tx:
        return types.find(tx, call.path["id"], private=call.context.is_admin)


def _shown(call: Call[VolumeServices], kind: VolumeType) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": kind.id,
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.is_public,
        "os-volume-type-access:is_public": kind.is_public,
    }
    if call.allows(rules.EXTRA_SPECS.name):
        shown["extra_specs"] = kind.extra_specs
    if call.allows(rules.QOS_SPECS.name):
        shown["qos_specs_id"] = None
    return shown


_GET = Rule("volume_extension:type_get", READER)
ROUTES = paths.both(
    Route("GET", "/types", list_types, policy=Rule("volume_extension:type_get_all", READER)),
    Route("GET", "/types/<id>", show_type, policy=_GET),
    Route("GET", "/types/<id>/extra_specs", show_extra_specs,
          policy=Rule("volume_extension:types_extra_specs:index", READER)),
    Route("GET", "/types/<id>/encryption", show_encryption,
          policy=Rule("volume_extension:volume_type_encryption:get", READER)),
)  # fmt: skip
