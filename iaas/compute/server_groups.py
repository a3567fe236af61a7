"""Server groups: their life, and the quota of groups and of servers in one."""

from __future__ import annotations

from iaas.compute.servers import visible
from iaas.compute.service import Compute
from iaas.context import Context
from iaas.db import quotas
from iaas.db.compute import server_groups
from iaas.db.engine import Tx
from iaas.errors import Invalid, NotFound, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.server_group import ANTI_AFFINITY, ServerGroup


def listed(compute: Compute, context: Context, everybodys: bool, limit: int, offset: int) -> list[ServerGroup]:
    with compute.database.read() as tx:
        return server_groups.page(tx, None if everybodys else context.owner, limit, offset)


def get(compute: Compute, context: Context, group_id: str) -> ServerGroup:
    """Raises NotFound, for a foreign group as for one that never was (S-059)."""
    with compute.database.read() as tx:
        return server_groups.get(tx, group_id, visible(context))


def create(compute: Compute, context: Context, name: str, policy: str, rules: dict[str, int]) -> ServerGroup:
    """Raises QuotaExceeded; Invalid for rules that the policy has not."""
    if rules and policy != ANTI_AFFINITY:
        raise Invalid("Only anti-affinity policy supports rules.", field="rules")
    group_id = new_uuid()
    row = {"id": group_id, "project_id": context.owner, "user_id": context.user_id or "", "name": name,
           "policy": policy, "rules": rules}  # fmt: skip

    def write(tx: Tx) -> ServerGroup:
        quotas.take(tx, context.owner, {"server_groups": 1}, compute.quota)
        server_groups.insert(tx, row)
        return server_groups.get(tx, group_id)

    return compute.database.run(write)


def delete(compute: Compute, context: Context, group_id: str) -> None:
    """Its servers stay where they are. Raises NotFound."""

    def write(tx: Tx) -> None:
        server_groups.lock(tx, group_id)
        group = server_groups.get(tx, group_id, visible(context))
        server_groups.remove(tx, group_id)
        quotas.give(tx, group.project_id, {"server_groups": 1})

    compute.database.run(write)


def join(compute: Compute, tx: Tx, context: Context, group_id: str, count: int) -> None:
    """Makes room for new servers in the group; the caller writes it into their rows, in this transaction. Raises
    Invalid for a group that is not the project's, QuotaExceeded."""
    server_groups.lock(tx, group_id)
    try:
        group = server_groups.get(tx, group_id, context.owner)
    except NotFound as error:
        raise Invalid(error.message, field="group") from error
    limit = quotas.limits(tx, context.owner, compute.quota)["server_group_members"]
    used = len(group.members)
    if 0 <= limit < used + count:
        raise QuotaExceeded(
            f"Quota exceeded for server_group_members: Requested {count}, but already used {used} of {limit} "
            "server_group_members",
            resource="server_group_members", requested=count, used=used, limit=limit,
        )  # fmt: skip
