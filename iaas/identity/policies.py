"""Policy documents of the API, and where they apply. This platform obeys none of them (decision 21)."""

from __future__ import annotations

from iaas.db.engine import Database, Tx
from iaas.db.identity import policies as db
from iaas.db.identity.nouns import ENDPOINTS
from iaas.db.identity.policies import POLICIES
from iaas.errors import NotFound
from iaas.identity.collection import Collection
from iaas.model.catalog import Endpoint
from iaas.model.identity.policy import Policy


class Policies(Collection[Policy]):
    """``where`` of the associations: endpoint_id, or service_id, or service_id and region_id."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, POLICIES)

    def associate(self, policy_id: str, **where: str) -> None:
        """Replaces the policy of that place. Raises NotFound."""

        def work(tx: Tx) -> None:
            self._check(tx, policy_id, where)
            db.associate(tx, policy_id, **where)

        self._database.run(work)

    def check(self, policy_id: str, **where: str) -> None:
        """Raises NotFound when that place has another policy, or none."""
        with self._database.read() as tx:
            self._check(tx, policy_id, where)
            db.check(tx, policy_id, **where)

    def dissociate(self, policy_id: str, **where: str) -> None:
        """Raises NotFound when that place has another policy, or none."""

        def work(tx: Tx) -> None:
            self._check(tx, policy_id, where)
            db.dissociate(tx, policy_id, **where)

        self._database.run(work)

    def endpoints_of(self, policy_id: str) -> list[Endpoint]:
        """Raises NotFound for an unknown policy."""
        with self._database.read() as tx:
            POLICIES.get(tx, policy_id)
            return db.endpoints_of(tx, policy_id)

    def of_endpoint(self, endpoint_id: str) -> Policy:
        """Its own policy, else that of its service in its region or in the nearest one above, else its service's.
        Raises NotFound."""
        with self._database.read() as tx:
            endpoint = ENDPOINTS.get(tx, endpoint_id)
            service = endpoint.service_id
            around = [db.place(None, service, region) for region in db.regions_above(tx, endpoint.region_id)]
            found = db.first_at(tx, [db.place(endpoint_id), *around, db.place(None, service)])
        if found is None:
            raise NotFound(f"No policy is associated with endpoint {endpoint_id}.", resource="policy")
        return found

    def _check(self, tx: Tx, policy_id: str, where: dict[str, str]) -> None:
        POLICIES.get(tx, policy_id)
        db.check_place(tx, **where)
