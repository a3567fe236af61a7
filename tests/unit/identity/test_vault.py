"""The keys of stored credentials: rotated and sealed again without losing one, whenever that is interrupted (S-128)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iaas.clock import ManualClock
from iaas.db.identity.credentials import CREDENTIALS
from iaas.errors import Conflict, Internal
from iaas.identity.credentials import vault as vaults
from iaas.identity.keys import KeyRing
from iaas.identity.service import IdentityServices
from iaas.model.identity.credential import TOTP, Credential
from tests.unit.identity import people


@pytest.fixture
def user_id(services: IdentityServices, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody with five seeds; a batch is of two."""
    monkeypatch.setattr(vaults, "BATCH", 2)
    who = people.user(services)
    for number in range(5):
        item = Credential(id="", user_id=who.id, project_id=None, type=TOTP, blob=f"seed {number}")
        services.credentials.create(item)
    return who.id


def seeds(services: IdentityServices, user_id: str) -> set[str]:
    with services.database.read() as tx:
        return {item.blob for item in services.vault.credentials_of(tx, user_id, TOTP)}


EVERY = {f"seed {number}" for number in range(5)}


def test_a_users_credentials_of_a_type_are_opened(services: IdentityServices, user_id: str) -> None:
    assert seeds(services, user_id) == EVERY
    with services.database.read() as tx:
        assert services.vault.credentials_of(tx, user_id, "cert") == []


def test_after_a_rotation_the_old_ones_open_and_are_counted_until_they_are_sealed_again(
    services: IdentityServices, user_id: str
) -> None:
    services.vault.rotate()
    assert services.vault.left() == 5
    assert seeds(services, user_id) == EVERY
    assert list(services.vault.migrate()) == [2, 2, 1]
    assert services.vault.left() == 0
    assert list(services.vault.migrate()) == []
    assert seeds(services, user_id) == EVERY


def test_no_key_goes_while_something_is_sealed_with_it(services: IdentityServices, user_id: str) -> None:
    for _ in range(4):
        services.vault.rotate()
        batches = services.vault.migrate()
        next(batches)  # killed after the first batch
        with pytest.raises(Conflict, match="3 credentials"):
            services.vault.rotate()
        list(services.vault.migrate())
        assert seeds(services, user_id) == EVERY


def test_a_change_in_the_middle_of_the_migration_is_not_undone_by_it(services: IdentityServices, user_id: str) -> None:
    services.vault.rotate()
    with services.database.read() as tx:
        [first, *_] = CREDENTIALS.page(tx, {})
    changed = iter(services.vault.migrate())
    services.credentials.update(first.id, {"blob": "changed"})
    list(changed)
    assert "changed" in seeds(services, user_id)
    assert services.vault.left() == 0


def test_another_clouds_keys_open_nothing_and_say_so(services: IdentityServices, user_id: str) -> None:
    for file in services.vault.keys._directory.iterdir():
        if file.name.isdigit():
            file.unlink()
    services.vault.keys.create()
    with pytest.raises(Internal, match="missing"):
        seeds(services, user_id)


def test_nothing_shows_a_secret_by_accident(services: IdentityServices, user_id: str) -> None:
    """S-123: values that end up in a log or a traceback."""
    with services.database.read() as tx:
        [opened, *_] = services.vault.credentials_of(tx, user_id, TOTP)
        [stored, *_] = CREDENTIALS.page(tx, {})
    assert "seed" not in repr(opened)
    assert stored.sealed not in repr(stored)


def test_keys_that_root_makes_belong_to_whom_their_directory_belongs(tmp_path: Path, clock: ManualClock) -> None:
    """The daemons don't run as root: a rotation by root must not leave them keys that they can't read."""
    around = tmp_path / "keys"
    around.mkdir()
    if os.geteuid() == 0:
        os.chown(around, 12345, 12346)
    ring = KeyRing(str(around / "credentials"), clock)
    ring.create()
    ring.rotate()
    made = [around / "credentials", *(around / "credentials").iterdir()]
    assert {file.name for file in made} == {"credentials", ".lock", "0", "1", "2"}
    owner = around.stat()
    assert {(file.stat().st_uid, file.stat().st_gid) for file in made} == {(owner.st_uid, owner.st_gid)}
