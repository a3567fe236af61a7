"""One suite for the volumes of every hypervisor driver: what iaas/compute/virt/plugs.py promises. What needs a volume
host that answers is proved with real guests in tests/integration/test_server_volumes.py, and here with the fake."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from iaas import errors
from iaas.compute.virt.fake import FakeDriver, FakeHypervisor
from iaas.model.order import PluggedVolume, Power, VolumeConnection
from tests.contract.test_virt_driver import RESOURCES, Bench, bench, libvirtd

__all__ = ["bench", "libvirtd"]  # the fixtures are used by name


def volume(device: str = "vdb") -> VolumeConnection:
    return VolumeConnection(
        volume_id=str(uuid.uuid4()), attachment_id=str(uuid.uuid4()), address="192.0.2.9", port=10809,
        export=str(uuid.uuid4()), device=device, size_gb=1,
    )  # fmt: skip


def plug_of(server: str, wanted: VolumeConnection, live: bool) -> PluggedVolume:
    return PluggedVolume(
        server_id=server, volume_id=wanted.volume_id, export=wanted.export, live=live, defined=True
    )  # fmt: skip


def test_a_volume_goes_into_the_definition_and_out_of_it_and_both_bear_repetition(bench: Bench) -> None:
    """C-06."""
    server, wanted = bench.define(bench.spec()), volume()
    for _ in range(2):
        bench.driver.plug(server, wanted)
        assert bench.driver.plugged(server) == (plug_of(server, wanted, live=False),)
    assert bench.driver.plugged() == bench.driver.plugged(server)
    for _ in range(2):
        assert bench.driver.unplug(server, wanted.volume_id)
        assert bench.driver.plugged(server) == ()


def test_a_guest_is_defined_with_its_volumes_and_a_new_daemon_sees_them(bench: Bench) -> None:
    """C-25, F-54."""
    wanted = sorted([volume("vdb"), volume("vdc")], key=lambda item: item.volume_id)
    spec = replace(bench.spec(), volumes=tuple(wanted))
    server = bench.define(spec)
    expected = tuple(plug_of(server, item, live=False) for item in wanted)
    assert bench.driver.plugged(server) == expected
    assert bench.restart().plugged(server) == expected
    bench.define(replace(spec, volumes=()))
    assert bench.driver.plugged(server) == ()


def test_a_volume_under_another_export_is_refused_until_the_old_one_is_gone(bench: Bench) -> None:
    """S-095: a stale device never passes for the new one."""
    server, old = bench.define(bench.spec()), volume()
    bench.driver.plug(server, old)
    new = replace(old, export=str(uuid.uuid4()))
    with pytest.raises(errors.Conflict):
        bench.driver.plug(server, new)
    assert bench.driver.unplug(server, old.volume_id)
    bench.driver.plug(server, new)
    assert [item.export for item in bench.driver.plugged(server)] == [new.export]


def test_a_server_without_a_guest_has_no_volumes_and_nothing_is_done(bench: Bench) -> None:
    nobody = str(uuid.uuid4())
    bench.driver.plug(nobody, volume())
    assert bench.driver.unplug(nobody, str(uuid.uuid4()))
    bench.driver.recover(nobody)
    assert (bench.driver.plugged(nobody), bench.driver.find(nobody)) == ((), None)


def test_a_paused_guest_is_not_let_go_on_unless_an_io_error_paused_it(bench: Bench) -> None:
    server = bench.define(bench.spec())
    bench.driver.power_on(server)
    bench.driver.pause(server)
    bench.driver.recover(server)
    found = bench.driver.find(server)
    assert found is not None and (found.power, found.io_error) == (Power.PAUSED, False)
    bench.driver.unpause(server)


# -- the fake alone: what runs with volumes ---------------------------------------------------------------------------


@pytest.fixture
def hypervisor() -> FakeHypervisor:
    return FakeHypervisor()


@pytest.fixture
def fake(hypervisor: FakeHypervisor, tmp_path: Path) -> Bench:
    driver = FakeDriver(hypervisor, RESOURCES)
    return Bench(
        driver=driver, restart=lambda: driver, kill=hypervisor.stops, spoil=hypervisor.spoiled.add, directory=tmp_path
    )  # fmt: skip


def test_a_running_guest_gets_the_volume_at_once_and_at_every_start(fake: Bench) -> None:
    server, wanted = fake.define(fake.spec()), volume()
    fake.driver.power_on(server)
    fake.driver.plug(server, wanted)
    assert fake.driver.plugged(server) == (plug_of(server, wanted, live=True),)
    fake.driver.power_off(server)
    assert fake.driver.plugged(server) == (plug_of(server, wanted, live=False),)
    fake.driver.power_on(server)
    assert fake.driver.plugged(server) == (plug_of(server, wanted, live=True),)


def test_a_guest_that_keeps_the_volume_keeps_it_in_the_definition_too(fake: Bench, hypervisor: FakeHypervisor) -> None:
    """F-08."""
    server, wanted = fake.define(fake.spec()), volume()
    fake.driver.power_on(server)
    fake.driver.plug(server, wanted)
    hypervisor.obeys_unplug = False
    assert not fake.driver.unplug(server, wanted.volume_id)
    assert fake.driver.plugged(server) == (plug_of(server, wanted, live=True),)
    hypervisor.obeys_unplug = True
    assert fake.driver.unplug(server, wanted.volume_id)


def test_after_an_io_error_the_guest_goes_on_once_its_storage_answers(fake: Bench, hypervisor: FakeHypervisor) -> None:
    """F-66."""
    server = fake.define(fake.spec())
    fake.driver.power_on(server)
    hypervisor.breaks(server)
    hypervisor.storage_away = True
    fake.driver.recover(server)
    found = fake.driver.find(server)
    assert found is not None and (found.power, found.io_error) == (Power.PAUSED, True)
    hypervisor.storage_away = False
    fake.driver.recover(server)
    found = fake.driver.find(server)
    assert found is not None and (found.power, found.io_error) == (Power.RUNNING, False)
