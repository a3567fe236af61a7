"""``iaas-manage credential``: rotate, left, migrate, as an operator types them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iaas.cmd import manage
from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.service import IdentityServices
from iaas.model.identity.credential import TOTP, Credential


def test_keys_are_rotated_and_what_they_seal_is_sealed_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S-128; and nothing that is printed is a key or a secret (S-123)."""
    config, keys = tmp_path / "iaas.conf", tmp_path / "keys"
    config.write_text(f"[database]\nconnection = {database.engine.url}\n[auth]\nkey_repository = {keys}\n")
    services = IdentityServices.open(database, Auth(key_repository=str(keys), bcrypt_rounds=4))
    IdentityFacade(services).bootstrap("secret", {"identity": Urls("http://id/v3")})
    [admin] = services.users.page({"name": "admin"})
    services.credentials.create(Credential(id="", user_id=admin.id, project_id=None, type=TOTP, blob="seed"))

    def run(verb: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["iaas-manage", "--config-file", str(config), "credential", verb])
        with pytest.raises(SystemExit) as end:
            manage.main()
        return int(end.value.code or 0), "".join(capsys.readouterr())

    assert run("left") == (0, "0\n")
    said = run("rotate")
    assert said[0] == 0
    assert run("left") == (0, "1\n")
    assert run("rotate") == (1, "iaas-manage: 1 credentials are sealed with an older key: run the migration first.\n")
    assert run("migrate") == (0, "sealed 1 credentials again\n")
    assert run("left") == (0, "0\n")
    assert not any(file.read_text() in said[1] for file in (keys / "credentials").glob("[0-9]*"))
    assert {file.stat().st_mode & 0o777 for file in (keys / "credentials").glob("[0-9]*")} == {0o600}
    assert (keys / "credentials").stat().st_mode & 0o777 == 0o700
