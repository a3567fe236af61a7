"""/v2.0/security-groups"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.network import query, rules, security_group_rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.db.network import security_groups as groups_db
from iaas.model.security_group import SecurityGroup
from iaas.network import security_groups

# Filters here follow connections: a stateless group can't be had.
_STATEFUL = {"enum": [True, "true", "True"]}
CREATE = query.one_or_many(
    "security_group", "security_groups", {**query.DESCRIBED, **query.OWNER, "stateful": _STATEFUL}, ("name",)
)
UPDATE = query.one("security_group", {**query.DESCRIBED, "stateful": _STATEFUL})


def show(group: SecurityGroup) -> dict[str, Any]:
    return {
        **query.stamps(group),
        "name": group.name,
        "stateful": True,
        "shared": False,
        "security_group_rules": [security_group_rules.show(rule) for rule in group.rules],
        "tags": list(group.tags),
    }


def list_groups(call: Services) -> dict[str, Any]:
    """The caller's own project has its default group from the first look on; nobody else's is made (S-089)."""
    wanted = query.of_call(call, groups_db.FIELDS)
    project = call.context.owner
    with call.services.database.read() as tx:
        missing = bool(project) and groups_db.default_id(tx, project) is None
    if missing and call.allows("create_security_group"):
        call.services.database.run(lambda tx: security_groups.ensure_default(tx, project))
    with call.services.database.read() as tx:
        found, more = groups_db.listed(tx, call.context, wanted)
    return query.answer(call, "security_groups", found, more, show)


def show_group(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        group = groups_db.get(tx, query.ident(call), call.context)
    return {"security_group": query.pick(call, show(group))}


def create_group(call: Services) -> dict[str, Any]:
    given = query.items(call, "security_group", "security_groups")
    wanted = [(query.owner(call, "create_security_group", item), item) for item in given]
    settings = call.services.settings
    made = call.services.database.run(
        lambda tx: [
            security_groups.create(tx, settings, project, item["name"], item.get("description", ""))
            for project, item in wanted
        ]
    )
    return query.created(call, "security_group", "security_groups", [show(group) for group in made])


def update_group(call: Services) -> dict[str, Any]:
    group = _writable(call, "update_security_group")
    values = _values(call.body["security_group"])
    changed = call.services.database.run(
        lambda tx: security_groups.update(tx, groups_db.get(tx, group.id, call.context), values)
    )
    return {"security_group": show(changed)}


def delete_group(call: Services) -> Reply:
    group = _writable(call, "delete_security_group")
    call.services.database.run(
        lambda tx: security_groups.delete(
            tx, call.services.settings, call.context, groups_db.get(tx, group.id, call.context)
        )
    )
    return Reply(status=204)


def _writable(call: Services, rule: str) -> SecurityGroup:
    with call.services.database.read() as tx:
        group = groups_db.get(tx, query.ident(call), call.context)
    call.enforce(rule, rules.owned_by(group.project_id))
    return group


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("name", "description") if name in item}


_ONE = "/v2.0/security-groups/<id>"
ROUTES = (
    Route("GET", "/v2.0/security-groups", list_groups, policy=Rule("get_security_group", READER)),
    Route("POST", "/v2.0/security-groups", create_group, policy=Rule("create_security_group", MEMBER),
          body=CREATE, status=201),
    Route("GET", _ONE, show_group, policy=Rule("get_security_group", READER)),
    Route("PUT", _ONE, update_group, policy=Rule("update_security_group", MEMBER), body=UPDATE),
    Route("DELETE", _ONE, delete_group, policy=Rule("delete_security_group", MEMBER), status=204),
)  # fmt: skip
