"""``iaas-manage token``: keys turn without a token being lost, and old ones end when they are removed."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from iaas.clock import ManualClock
from iaas.cmd.commands import token
from iaas.config import loader, sections
from iaas.errors import Invalid, Unauthenticated, Unavailable
from iaas.identity.keys import KeyRing
from iaas.identity.login import Wanted
from iaas.identity.service import IdentityServices
from iaas.model.token import ScopeKind
from tests.unit.identity import people


def run(directory: Path, *words: str) -> None:
    file = directory / "iaas.conf"
    file.write_text(f"[auth]\nkey_repository = {directory / 'keys'}\n")
    parser = argparse.ArgumentParser()
    token.add(parser.add_subparsers())
    arguments = parser.parse_args(["token", *words])
    arguments.run(loader.load(sections.ALL, [str(file)]), arguments)


def test_tokens_of_old_keys_hold_until_these_are_removed(
    services: IdentityServices, clock: ManualClock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon that runs sees a rotation within a second (S-028)."""
    who = people.user(services)
    issued = people.log_in(services, who, Wanted(kind=ScopeKind.UNSCOPED))
    run(tmp_path, "keys")
    assert capsys.readouterr().out == "1\tseals and opens\n0\tstaged: seals after the next rotation\n"
    run(tmp_path, "rotate")
    clock.advance(1)
    assert services.validator.access(issued.token, fresh=True).user.id == who.id
    capsys.readouterr()
    run(tmp_path, "keys")
    assert capsys.readouterr().out.splitlines()[1] == "1\topens"
    run(tmp_path, "rotate", "--keep", "2")
    clock.advance(1)
    with pytest.raises(Unauthenticated):
        services.validator.access(issued.token, fresh=True)
    again = people.log_in(services, who, Wanted(kind=ScopeKind.UNSCOPED))
    assert services.validator.access(again.token, fresh=True)


def test_the_key_that_seals_next_is_on_the_other_nodes_before(tmp_path: Path, clock: ManualClock) -> None:
    """A node whose copy is one rotation old opens what the first one seals."""
    first, second = KeyRing(str(tmp_path / "a"), clock), KeyRing(str(tmp_path / "b"), clock)
    first.create()
    (tmp_path / "b").mkdir(mode=0o700)
    for number in ("0", "1"):
        (tmp_path / "b" / number).write_bytes((tmp_path / "a" / number).read_bytes())
    first.rotate()
    assert second.ring().decrypt(first.ring().encrypt(b"sealed")) == b"sealed"


def test_what_can_not_be_rotated_is_said(tmp_path: Path, services: IdentityServices) -> None:
    empty = tmp_path / "nowhere"
    empty.mkdir()
    with pytest.raises(Invalid):
        run(tmp_path, "rotate", "--keep", "1")
    with pytest.raises(Unavailable):
        run(empty, "rotate")
