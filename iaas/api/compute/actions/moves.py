"""POST /servers/{id}/action: resize and its ends, migrate, os-migrateLive, evacuate."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.compute.actions.action import action
from iaas.api.route import ADMIN, MANAGER
from iaas.api.schema import BOOLEAN, NAME, as_bool, obj
from iaas.compute.moving import moves
from iaas.compute.service import Compute
from iaas.errors import Invalid


def resize(call: Call[Compute]) -> None:
    moves.resize(call.services, call.context, call.path["id"], str(call.body["resize"]["flavorRef"]))


def confirm(call: Call[Compute]) -> None:
    moves.confirm(call.services, call.context, call.path["id"])


def revert(call: Call[Compute]) -> None:
    moves.revert(call.services, call.context, call.path["id"])


def migrate(call: Call[Compute]) -> None:
    options = call.body["migrate"] or {}
    _only(options, ("host",) if call.at_least("2.56") else (), ())
    if options.get("host"):
        call.enforce(rules.MIGRATE_TO.name)
    moves.migrate(call.services, call.context, call.path["id"], options.get("host"))


def migrate_live(call: Call[Compute]) -> None:
    options = call.body["os-migrateLive"]
    if call.at_least("2.25"):
        forced = call.at_least("2.30") and not call.at_least("2.68")
        _only(options, ("host", "block_migration", *(("force",) if forced else ())), ("host", "block_migration"))
    else:
        needed = ("host", "block_migration", "disk_over_commit")
        _only(options, needed, needed)
    if options["block_migration"] == "auto" and not call.at_least("2.25"):
        raise Invalid("Invalid input for field/attribute block_migration. Value: auto.", field="block_migration")
    if options["host"]:
        call.enforce(rules.MIGRATE_LIVE_TO.name)
    disks = options["block_migration"] == "auto" or as_bool(options["block_migration"])
    moves.live_migrate(call.services, call.context, call.path["id"], options["host"], disks)


def evacuate(call: Call[Compute]) -> dict[str, Any] | None:
    """Before 2.14 the answer has a password, given or made up. No guest of ours has one set: a rebuilt guest has its
    image's and the key pair."""
    options = call.body["evacuate"]
    if call.at_least("2.14"):
        forced = call.at_least("2.29") and not call.at_least("2.68")
        _only(options, ("host", "adminPass", *(("force",) if forced else ())), ())
    else:
        _only(options, ("host", "adminPass", "onSharedStorage"), ("onSharedStorage",))
    moves.evacuate(call.services, call.context, call.path["id"], options.get("host"))
    if call.at_least("2.14"):
        return None
    return {"adminPass": options.get("adminPass") or secrets.token_urlsafe(9)}


def _only(options: Mapping[str, Any], allowed: Collection[str], required: Collection[str]) -> None:
    """What the version in use knows. Raises Invalid."""
    for name in options:
        if name not in allowed:
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)", field=name)
    for name in required:
        if name not in options:
            raise Invalid(f"'{name}' is a required property", field=name)


_HOST = {"type": ["string", "null"], "minLength": 1, "maxLength": 255}
_FLAVOR = {"type": ["string", "integer"], "minLength": 1, "maxLength": 255}
_RESIZE = obj({"flavorRef": _FLAVOR, "OS-DCF:diskConfig": {"enum": ["AUTO", "MANUAL"]}}, ("flavorRef",))
_MIGRATE = {**obj({"host": _HOST}), "type": ["object", "null"]}
_BLOCK = {"type": ["boolean", "string"], "enum": [True, False, "true", "false", "True", "False", "auto"]}
_LIVE = obj({"host": _HOST, "block_migration": _BLOCK, "disk_over_commit": BOOLEAN, "force": BOOLEAN})
_EVACUATE = obj({"host": _HOST, "adminPass": NAME, "onSharedStorage": BOOLEAN, "force": BOOLEAN})

ROUTES = (
    action("resize", resize, "servers:resize", _RESIZE),
    action("confirmResize", confirm, "servers:confirm_resize", status=204),
    action("revertResize", revert, "servers:revert_resize"),
    action("migrate", migrate, "os-migrate-server:migrate", _MIGRATE, check=MANAGER),
    action("os-migrateLive", migrate_live, "os-migrate-server:migrate_live", _LIVE, check=MANAGER),
    action("evacuate", evacuate, "os-evacuate", _EVACUATE, status=200, check=ADMIN),
)
