"""An identity service with cheap password hashes, bootstrapped, over the test's own database and clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaas.clock import ManualClock
from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.service import IdentityServices

PASSWORD = "the administrator's"


@pytest.fixture
def services(database: Database, clock: ManualClock, tmp_path: Path) -> IdentityServices:
    auth = Auth(key_repository=str(tmp_path / "keys"), bcrypt_rounds=4, token_ttl=3600)
    made = IdentityServices.open(database, auth)
    IdentityFacade(made).bootstrap(PASSWORD, {"identity": Urls("http://id/v3")})
    clock.advance(1)
    return made


@pytest.fixture
def facade(services: IdentityServices) -> IdentityFacade:
    return IdentityFacade(services)
