"""/v2.0/security-group-rules"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.db.engine import Tx
from iaas.db.network import security_group_rules as rules_db
from iaas.errors import Invalid
from iaas.model.security_group import RuleSpec, SecurityGroupRule
from iaas.network import security_groups

_PORT = {"type": ["integer", "string", "null"], "minimum": -1, "maximum": 65535, "pattern": "^-?[0-9]{1,5}$"}
_ID = {"type": "string", "maxLength": 64}
_REMOTE = {"type": ["string", "null"], "maxLength": 64}
CREATE = query.one_or_many(
    "security_group_rule",
    "security_group_rules",
    {
        **query.OWNER,
        "description": query.NAME,
        "security_group_id": _ID,
        "direction": {"enum": ["ingress", "egress"]},
        "ethertype": {"enum": ["IPv4", "IPv6", "ipv4", "ipv6"]},
        "protocol": {"type": ["string", "integer", "null"], "maxLength": 32, "minimum": 0, "maximum": 255},
        "port_range_min": _PORT,
        "port_range_max": _PORT,
        "remote_ip_prefix": _REMOTE,
        "remote_group_id": _REMOTE,
    },
    ("security_group_id", "direction"),
)


def show(rule: SecurityGroupRule) -> dict[str, Any]:
    return {
        **query.stamps(rule),
        "security_group_id": rule.group_id,
        "direction": rule.direction,
        "ethertype": f"IPv{rule.ip_version}",
        "protocol": rule.protocol,
        "port_range_min": rule.port_min,
        "port_range_max": rule.port_max,
        "remote_ip_prefix": rule.remote_cidr,
        "remote_group_id": rule.remote_group_id,
    }


def list_rules(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found, more = rules_db.listed(tx, call.context, query.of_call(call, rules_db.FIELDS))
    return query.answer(call, "security_group_rules", found, more, show)


def show_rule(call: Services) -> dict[str, Any]:
    with call.services.database.read() as tx:
        rule = rules_db.get(tx, query.ident(call), call.context)
    return {"security_group_rule": query.pick(call, show(rule))}


def create_rule(call: Services) -> dict[str, Any]:
    given = query.items(call, "security_group_rule", "security_group_rules")
    owners = {query.owner(call, "create_security_group_rule", item) for item in given}
    if len(owners) > 1:
        raise Invalid("All rules of one request must be of one project.", field="project_id")
    wanted = [(item["security_group_id"], _spec(item)) for item in given]
    project = owners.pop()

    def write(tx: Tx) -> list[SecurityGroupRule]:
        return security_groups.add_rules(tx, call.services.settings, call.context, project, wanted)

    made = call.services.database.run(write)
    return query.created(call, "security_group_rule", "security_group_rules", [show(rule) for rule in made])


def delete_rule(call: Services) -> Reply:
    with call.services.database.read() as tx:
        rule = rules_db.get(tx, query.ident(call), call.context)
    call.enforce("delete_security_group_rule", rules.owned_by(rule.project_id))
    call.services.database.run(
        lambda tx: security_groups.remove_rule(tx, call.services.settings, rules_db.get(tx, rule.id, call.context))
    )
    return Reply(status=204)


def _spec(item: Mapping[str, Any]) -> RuleSpec:
    protocol = item.get("protocol")
    return RuleSpec(
        direction=item["direction"],
        ip_version=6 if item.get("ethertype", "IPv4").lower() == "ipv6" else 4,
        protocol=None if protocol is None else str(protocol),
        port_min=_number(item, "port_range_min"),
        port_max=_number(item, "port_range_max"),
        remote_cidr=item.get("remote_ip_prefix"),
        remote_group_id=item.get("remote_group_id"),
        description=item.get("description", ""),
    )


def _number(item: Mapping[str, Any], name: str) -> int | None:
    """Numbers may come as text; -1 is how old clients say: any."""
    value = item.get(name)
    return None if value is None or int(value) == -1 else int(value)


_ONE = "/v2.0/security-group-rules/<id>"
ROUTES = (
    Route("GET", "/v2.0/security-group-rules", list_rules, policy=Rule("get_security_group_rule", READER)),
    Route("POST", "/v2.0/security-group-rules", create_rule, policy=Rule("create_security_group_rule", MEMBER),
          body=CREATE, status=201),
    Route("GET", _ONE, show_rule, policy=Rule("get_security_group_rule", READER)),
    Route("DELETE", _ONE, delete_rule, policy=Rule("delete_security_group_rule", MEMBER), status=204),
)  # fmt: skip
