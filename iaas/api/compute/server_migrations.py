"""/servers/{id}/migrations: the live migrations of a server that are under way; watched, aborted, brought to an end."""

from __future__ import annotations

from typing import Any

from iaas.api.call import Call
from iaas.api.compute.migrations import people, when
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import obj
from iaas.compute.moving import migrations
from iaas.compute.service import Compute
from iaas.errors import NotFound
from iaas.model.placement import Migration


def list_migrations(call: Call[Compute]) -> dict[str, Any]:
    found = migrations.of_server(call.services, call.context, call.path["id"])
    return {"migrations": [_view(call, item) for item in found]}


def show_migration(call: Call[Compute]) -> dict[str, Any]:
    return {"migration": _view(call, migrations.show(call.services, call.context, call.path["id"], _number(call)))}


def abort(call: Call[Compute]) -> None:
    early = call.at_least("2.65")
    migrations.abort(call.services, call.context, call.path["id"], _number(call), early)


def force_complete(call: Call[Compute]) -> None:
    migrations.hasten(call.services, call.context, call.path["id"], _number(call))


def _number(call: Call[Compute]) -> int:
    """Raises NotFound for what no migration is called."""
    text = call.path["number"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFound(f"Live migration {text[:32]} for server {call.path['id']} is not in progress.")
    return int(text)


def _view(call: Call[Compute], item: Migration) -> dict[str, Any]:
    bytes_of = {
        f"{kind}_{part}_bytes": item.progress.get(f"{kind}_{part}")
        for kind in ("memory", "disk")
        for part in ("total", "processed", "remaining")
    }
    shown = {
        "id": item.id,
        "server_uuid": item.server_id,
        "source_compute": item.source_host,
        "source_node": item.source_node,
        "dest_compute": item.dest_host,
        "dest_node": item.dest_node,
        "dest_host": item.dest_host,
        "status": item.status,
        "created_at": when(item.created_at),
        "updated_at": when(item.updated_at),
    }
    return shown | bytes_of | people(call, item)


_PATH = "/v2.1/servers/<id>/migrations"
_ONE = f"{_PATH}/<number>"
_FORCE = obj({"force_complete": {"type": "null"}}, ("force_complete",))
_RULE = "os_compute_api:servers:migrations"
ROUTES = (
    Route("GET", _PATH, list_migrations, policy=Rule(f"{_RULE}:index", ADMIN), since="2.23"),
    Route("GET", _ONE, show_migration, policy=Rule(f"{_RULE}:show", ADMIN), since="2.23"),
    Route("DELETE", _ONE, abort, policy=Rule(f"{_RULE}:delete", ADMIN), status=202, since="2.24"),
    Route("POST", f"{_ONE}/action", force_complete, policy=Rule(f"{_RULE}:force_complete", ADMIN), body=_FORCE,
          status=202, since="2.22", action="force_complete"),
)  # fmt: skip
