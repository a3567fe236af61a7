"""The driver's memory on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaas.errors import Invalid
from iaas.model.wiring import NetworkWiring
from iaas.network.drivers.linuxbridge.records import Records, replace
from tests.unit.network.wishes import small, uid


def test_a_value_comes_back_as_it_was(tmp_path: Path) -> None:
    records = Records(tmp_path / "state")
    wiring = small(1, 2).networks[0]
    records.claim(wiring.id)
    records.write(wiring.id, "dhcp", wiring)
    assert Records(tmp_path / "state").read(wiring.id, "dhcp", NetworkWiring) == wiring
    assert records.ids() == [wiring.id]
    records.forget(wiring.id)
    records.forget(wiring.id)
    assert records.ids() == []


@pytest.mark.parametrize("content", [b"", b"{", b'{"id": 7}', b"[]"])
def test_a_damaged_record_is_none_so_that_the_thing_is_made_anew(tmp_path: Path, content: bytes) -> None:
    records = Records(tmp_path)
    (records.claim(uid("net")) / "dhcp.json").write_bytes(content)
    assert records.read(uid("net"), "dhcp", NetworkWiring) is None


@pytest.mark.parametrize("id", ["..", "../../etc", "", "a/b", "x"])
def test_an_id_that_is_no_uuid_never_becomes_a_path(tmp_path: Path, id: str) -> None:
    with pytest.raises(Invalid):
        Records(tmp_path).claim(id)


def test_other_things_in_the_directory_are_not_networks(tmp_path: Path) -> None:
    records = Records(tmp_path)
    (tmp_path / "lost+found").mkdir()
    records.write(None, "filter", {})
    assert records.ids() == []


def test_the_same_content_is_not_written_again(tmp_path: Path) -> None:
    assert replace(tmp_path / "hosts", b"a")
    assert not replace(tmp_path / "hosts", b"a")
    assert replace(tmp_path / "hosts", b"b")
    assert [path.name for path in tmp_path.iterdir()] == ["hosts"]
