"""The config drive on its host: whole or not there, for QEMU alone, with an end, and no secret in what is logged."""

import base64
import logging

import pytest

from iaas import errors
from iaas.compute.agent import config_drive
from iaas.model.order import Action, Particulars
from tests.unit.compute.agent.bench import Host, order, spec
from tests.unit.host.test_iso9660 import read

SECRET = b"#!/bin/sh\necho very-secret\n"


def particulars(**changes: object) -> Particulars:
    values: dict[str, object] = {
        "server_id": "0f3c2b1a-1111-4222-8333-444455556666", "project_id": "p", "name": "web", "hostname": "web.t",
        "zone": "nova", "flavor": "m1", "image_id": None, "reservation_id": "r-1", "launch_index": 0, "metadata": {},
        "key_name": None, "key_data": None, "user_data": base64.encodebytes(SECRET).decode(), "addresses": (),
        "groups": (), "interfaces": (), **changes,
    }  # fmt: skip
    return Particulars(**values)  # type: ignore[arg-type]


def test_what_a_death_left_half_written_is_gone_with_the_next_try(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    guest = spec(config_drive=particulars())
    host.instances.claim(guest.server_id, 1, create=True)
    directory = host.instances.directory(guest.server_id)
    (directory / ".config.0123abcd.part").write_bytes(SECRET)
    with caplog.at_level(logging.DEBUG):
        host.build(guest)
    made = directory / config_drive.NAME
    assert sorted(entry.name for entry in directory.iterdir()) == [config_drive.NAME, "fence"]
    assert made.stat().st_mode & 0o777 == 0o600
    assert read(made.read_bytes(), joliet_path="/")["openstack/latest/user_data"] == SECRET
    told = caplog.text + repr(guest) + repr(host.hypervisor.domains)
    assert "very-secret" not in told and base64.b64encode(SECRET).decode() not in told
    host.give(order(Action.DESTROY, guest, fence=2))
    assert host.leftovers() == []


def test_a_drive_comes_in_pieces_and_has_an_end(host: Host) -> None:
    guest = spec(config_drive=particulars())
    host.build(guest)
    directory = host.instances.directory(guest.server_id)
    for size in (config_drive.PIECE - 1, config_drive.PIECE, 2 * config_drive.PIECE + 1):
        (directory / config_drive.NAME).write_bytes(whole := bytes(index % 251 for index in range(size)))
        asked: list[int] = []

        def ask(offset: int, asked: list[int] = asked) -> bytes:
            asked.append(offset)
            return host.agent.endpoint.config_drive(guest.server_id, 1, offset)

        config_drive.receive(host.instances, guest.server_id, ask)
        assert (directory / config_drive.NAME).read_bytes() == whole and len(asked) <= size // config_drive.PIECE + 1
    with pytest.raises(errors.TooLarge):
        config_drive.receive(host.instances, guest.server_id, lambda offset: b"x" * config_drive.PIECE)
    assert (directory / config_drive.NAME).read_bytes() == whole
    with pytest.raises(errors.Conflict):
        host.agent.endpoint.config_drive(guest.server_id, 0, 0)
    with pytest.raises(errors.NotFound):
        host.agent.endpoint.config_drive(spec().server_id, 1, 0)


def test_a_drive_that_would_be_too_large_fails_the_build_and_leaves_nothing(host: Host) -> None:
    guest = spec(config_drive=particulars(metadata={f"key{n}": "x" * 4000 for n in range(1000)}))
    report = host.give(order(Action.BUILD, guest))
    assert report and report.error_kind == "too_large"
    assert host.leftovers() == []
