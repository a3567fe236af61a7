"""Security groups and their rules; the default group of a project comes into being with its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iaas.context import Context
from iaas.db import quotas
from iaas.db.engine import TryAgain, Tx
from iaas.db.network import security_group_rules as rules_db
from iaas.db.network import security_groups as groups_db
from iaas.errors import Conflict, Invalid
from iaas.model.security_group import DEFAULT_GROUP, RuleSpec, SecurityGroup, SecurityGroupRule
from iaas.network import doorbells, rules
from iaas.network.settings import Settings


def ensure_default(tx: Tx, project_id: str) -> str:
    """The id of the project's default group, which is made if need be. It counts against the quota without asking
    it, since nothing works without."""
    found = groups_db.default_id(tx, project_id)
    if found:
        return found
    made = groups_db.insert_default(tx, project_id)
    if made is None:
        found = groups_db.default_id(tx, project_id)
        if found is None:
            raise TryAgain("The default group is just being made.")
        return found
    initial = (*rules.OUTWARDS, *rules.among_members(made))
    quotas.count(tx, project_id, {"security_groups": 1, "security_group_rules": len(initial)})
    for spec in initial:
        rules_db.insert(tx, made, project_id, spec, rules.signature(spec))
    return made


def create(tx: Tx, settings: Settings, project_id: str, name: str, description: str) -> SecurityGroup:
    """With rules that let everything out. Raises Conflict for the name of the default group, QuotaExceeded."""
    if name == DEFAULT_GROUP:
        raise Conflict("Default security group already exists.", code="SecurityGroupDefaultAlreadyExists")
    ensure_default(tx, project_id)
    amounts = {"security_groups": 1, "security_group_rules": len(rules.OUTWARDS)}
    quotas.take(tx, project_id, amounts, settings.limits)
    group_id = groups_db.insert(tx, project_id, name, description)
    for spec in rules.OUTWARDS:
        rules_db.insert(tx, group_id, project_id, spec, rules.signature(spec))
    return groups_db.get(tx, group_id)


def update(tx: Tx, group: SecurityGroup, values: Mapping[str, Any]) -> SecurityGroup:
    """Name and description. Raises Conflict for the name of a default group."""
    name = values.get("name", group.name)
    if name != group.name and (group.is_default or name == DEFAULT_GROUP):
        raise Conflict("Updating default security group not allowed.", code="SecurityGroupCannotUpdateDefault")
    if values:
        groups_db.update(tx, group.id, values)
    return groups_db.get(tx, group.id)


def delete(tx: Tx, settings: Settings, context: Context, group: SecurityGroup) -> None:
    """With its rules, and the rules that name it. Raises Conflict for a group in use, and for the caller's default
    group (an administrator may delete it: it comes again with the next use)."""
    if group.is_default and not context.is_admin:
        raise Conflict(
            "Insufficient rights for removing default security group.", code="SecurityGroupCannotRemoveDefault"
        )
    if groups_db.in_use(tx, group.id):
        raise Conflict(f"Security Group {group.id} in use.", code="SecurityGroupInUse")
    for project_id, gone in groups_db.delete(tx, group.id).items():
        quotas.give(tx, project_id, {"security_group_rules": gone})
    quotas.give(tx, group.project_id, {"security_groups": 1})


def add_rules(
    tx: Tx, settings: Settings, context: Context, project_id: str, wanted: Sequence[tuple[str, RuleSpec]]
) -> list[SecurityGroupRule]:
    """``wanted``: (group id, rule). Raises NotFound for a group that is not the caller's, Invalid, Conflict for a
    rule that is there, QuotaExceeded."""
    named = {group for group, _ in wanted} | {spec.remote_group_id for _, spec in wanted if spec.remote_group_id}
    known = groups_db.ids_of(tx, context, named)
    for id in sorted(named - known):
        raise groups_db.missing(id)
    normal = [(group, rules.normal(spec)) for group, spec in wanted]
    quotas.take(tx, project_id, {"security_group_rules": len(normal)}, settings.limits)
    ids = []
    for group, spec in normal:
        made = rules_db.insert(tx, group, project_id, spec, rules.signature(spec))
        if made is None:
            twin = rules_db.like(tx, group, rules.signature(spec))
            raise Conflict(f"Security group rule already exists. Rule id is {twin}.", code="SecurityGroupRuleExists")
        ids.append(made)
    for group in sorted({group for group, _ in normal}):
        groups_db.update(tx, group, {})
        doorbells.group_changed(tx, settings, group)
    return rules_db.by_ids(tx, ids)


def remove_rule(tx: Tx, settings: Settings, rule: SecurityGroupRule) -> None:
    if not rules_db.delete(tx, rule.id):
        raise rules_db.missing(rule.id)
    groups_db.update(tx, rule.group_id, {})
    quotas.give(tx, rule.project_id, {"security_group_rules": 1})
    doorbells.group_changed(tx, settings, rule.group_id)


def by_names(tx: Tx, project_id: str, names: Sequence[str]) -> tuple[str, ...]:
    """Ids of the project's groups with these names or ids, as the compute API words them; none given means the
    default group. Raises Invalid for an unknown name and Conflict for an ambiguous one."""
    if not names or DEFAULT_GROUP in names:
        ensure_default(tx, project_id)
    return check_names(tx, project_id, names or (DEFAULT_GROUP,))


def check_names(tx: Tx, project_id: str, names: Sequence[str]) -> tuple[str, ...]:
    """As by_names, without making anything: a default group that is still to come is all right and left out."""
    found = groups_db.ids_by_name(tx, project_id, names)
    ids = []
    for name in dict.fromkeys(names):
        matches = found.get(name, [])
        if len(matches) > 1:
            raise Conflict(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
        if not matches and name == DEFAULT_GROUP:
            continue
        if not matches:
            raise Invalid(f"Security group {name[:255]} not found.", field="security_groups")
        ids.append(matches[0])
    return tuple(dict.fromkeys(ids))
