"""/v2.0/auto-allocated-topology: the network that a project has without a command for it. Looking makes it."""

from __future__ import annotations

import re
from typing import Any

from iaas.api.network import query
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.db.network import auto_topologies as topologies_db
from iaas.errors import Invalid, NotFound
from iaas.network import auto_topologies

DRY_RUN = "dry-run"
_MAKE = "create_auto_allocated_topology"
# The stock command sends an administrator's --project as it was typed: for a name there is nothing to make.
_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def show_topology(call: Services) -> dict[str, Any]:
    project = _project(call)
    fields = {name for text in call.query_lists.get("fields", ()) for name in text.split(",")}
    if fields - {DRY_RUN}:
        raise Invalid("Bad auto_allocate request: Unrecognized field.", code="BadRequest")
    services = call.services
    with services.database.read() as tx:
        found = topologies_db.of(tx, project)
        if fields:
            auto_topologies.check(tx, services.settings)
            return _show("dry-run=pass", project)
    if found is not None:
        return _show(found.network_id, project)
    call.enforce(_MAKE)
    if project != call.context.owner and not _ID.fullmatch(project):
        raise _missing(project)
    made = services.database.run(lambda tx: auto_topologies.ensure(tx, services.settings, call.context, project))
    return _show(made, project)


def delete_topology(call: Services) -> Reply:
    project, settings = _project(call), call.services.settings
    call.services.database.run(lambda tx: auto_topologies.delete(tx, settings, call.context, project))
    return Reply(status=204)


def _project(call: Services) -> str:
    """The project of the path; clients that know none say None and mean their own. Raises NotFound for a foreign one,
    whether it is there is nobody's business, and for what can't be the id of one."""
    given = query.ident(call, "project_id")
    project = call.context.owner if given == "None" else given
    mine = project == call.context.owner or call.context.is_admin
    if not mine or not re.fullmatch(query.PROJECT["pattern"], project):
        raise _missing(given)
    return project


def _missing(project: str) -> NotFound:
    return NotFound(f"Auto allocated topology of project {project[:64]} could not be found.")


def _show(id: str, project: str) -> dict[str, Any]:
    return {"auto_allocated_topology": {"id": id, "tenant_id": project, "project_id": project}}


_ONE = "/v2.0/auto-allocated-topology/<project_id>"
ROUTES = (
    Route("GET", _ONE, show_topology, policy=Rule("get_auto_allocated_topology", READER)),
    Route("DELETE", _ONE, delete_topology, policy=Rule("delete_auto_allocated_topology", MEMBER), status=204),
)
