"""What is handed on, on PostgreSQL, where transactions run beside one another."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from iaas.config.sections import Auth
from iaas.db import migrate
from iaas.db.engine import Database
from iaas.errors import Unauthenticated
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import Credentials, Wanted
from iaas.identity.service import IdentityServices
from iaas.identity.trusts import NewTrust
from iaas.model.user import Reference
from tests.integration.postgresql import Postgres
from tests.unit.identity import people
from tests.unit.identity.test_delegation import MEMBER, Handed


@pytest.fixture
def services(postgres: Postgres, tmp_path: Path) -> Iterator[IdentityServices]:
    database = Database(postgres.create(f"delegation_{uuid4().hex}"), pool_size=20)
    migrate.upgrade(database)
    made = IdentityServices.open(database, Auth(key_repository=str(tmp_path / "keys"), bcrypt_rounds=4))
    IdentityFacade(made).bootstrap("the administrator's", {"identity": Urls("http://id/v3")})
    yield made
    database.close()


def test_of_a_trust_with_one_use_twenty_at_once_make_one_token(services: IdentityServices) -> None:
    """S-037: and the tokens of every kind of delegation are read as on SQLite."""
    handed = Handed(services)
    for issued in (handed.by_credential(), handed.by_trust(handed.trust, handed.last)):
        access = services.validator.access(issued.token, fresh=True)
        assert [role.name for role in access.roles] == ["member", "reader"]
    mine = people.log_in(services, handed.giver, people.on(handed.project))
    new = NewTrust(trustor_user_id=handed.giver.id, trustee_user_id=handed.last.id, project_id=handed.project.id,
                   roles=MEMBER, impersonation=False, remaining_uses=1)  # fmt: skip
    trust, _ = services.trusts.create(mine.access, new)

    def use(_: int) -> bool:
        who = Credentials(user=Reference(id=handed.last.id), password="secret")
        try:
            services.login.issue(who, Wanted(trust_id=trust.id))
        except Unauthenticated:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(use, range(20))) == [False] * 19 + [True]
    handed.set_user(handed.middle, enabled=False)
    with pytest.raises(Unauthenticated):
        services.validator.access(issued.token, fresh=True)
