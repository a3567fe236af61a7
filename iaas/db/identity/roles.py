"""Which role implies which."""

from __future__ import annotations

import sqlalchemy as sa

from iaas.db.engine import Tx
from iaas.db.identity.nouns import ROLES
from iaas.db.identity.rows import add_pair
from iaas.db.schema.identity import inferences, roles
from iaas.errors import Invalid, NotFound
from iaas.model.role import Role


def implies(tx: Tx, prior_id: str, implied_id: str) -> bool:
    return tx.first(sa.select(inferences.c.prior_id).where(_is(prior_id, implied_id))) is not None


def add_inference(tx: Tx, prior_id: str, implied_id: str) -> None:
    """Raises NotFound, or Invalid for a role that would imply itself; adding twice changes nothing."""
    ROLES.get(tx, prior_id)
    ROLES.get(tx, implied_id)
    if prior_id == implied_id or prior_id in _closure(inference_map(tx), implied_id):
        raise Invalid("A role can't imply itself, directly or through other roles.")
    if not implies(tx, prior_id, implied_id):
        add_pair(tx, inferences, {"prior_id": prior_id, "implied_id": implied_id})


def remove_inference(tx: Tx, prior_id: str, implied_id: str) -> None:
    if not tx.delete(inferences, _is(prior_id, implied_id)):
        raise NotFound(f"{prior_id} does not imply {implied_id}.", resource="implied_role")


def implied(tx: Tx, prior_id: str) -> list[Role]:
    """The roles that this one implies directly."""
    among = sa.select(inferences.c.implied_id).where(inferences.c.prior_id == prior_id)
    return ROLES.page(tx, {}, among=among)


def inference_map(tx: Tx) -> dict[str, set[str]]:
    """Prior id to the ids that it implies directly."""
    found: dict[str, set[str]] = {}
    for row in tx.all(sa.select(inferences.c.prior_id, inferences.c.implied_id)):
        found.setdefault(row.prior_id, set()).add(row.implied_id)
    return found


def closures(tx: Tx) -> dict[str, set[str]]:
    """Prior id to every id that it implies in the end."""
    direct = inference_map(tx)
    return {prior: _closure(direct, prior) for prior in direct}


def of_domains(tx: Tx) -> set[str]:
    """The ids of the roles that belong to some domain."""
    return set(tx.execute(sa.select(roles.c.id).where(roles.c.domain_id.is_not(None))).scalars())


def _closure(direct: dict[str, set[str]], prior: str) -> set[str]:
    found: set[str] = set()
    left = [prior]
    while left:
        new = direct.get(left.pop(), set()) - found
        found |= new
        left += new
    return found


def _is(prior_id: str, implied_id: str) -> sa.ColumnElement[bool]:
    return (inferences.c.prior_id == prior_id) & (inferences.c.implied_id == implied_id)
