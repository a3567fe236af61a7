"""BUILD and DESTROY on a fake hypervisor: every step may be the last before a crash, and nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from iaas import errors, failpoints
from iaas.compute.agent.build import check_size
from iaas.model.order import Action, Power
from tests.unit.compute.agent.bench import Host, image, order, spec

BUILD_POINTS = ["compute.build.before_image", "compute.build.after_disk", "compute.build.after_define",
                "compute.build.after_start"]  # fmt: skip
DESTROY_POINTS = ["compute.destroy.after_stop", "compute.destroy.after_undefine", "compute.destroy.after_disk",
                  "compute.destroy.after_directory"]  # fmt: skip


def test_a_built_guest_runs_under_its_fence_with_its_console(host: Host) -> None:
    guest = host.build(fence=3)
    domain = host.hypervisor.domains[guest.server_id]
    assert (domain.power, domain.fence, domain.guest) == (Power.RUNNING, 3, guest)
    assert domain.console == host.instances.console(guest.server_id)
    assert host.instances.claim_of(guest.server_id).fence == 3


def test_a_destroyed_server_leaves_nothing(host: Host) -> None:
    guest = host.build(fence=3)
    report = host.give(order(Action.DESTROY, guest, fence=4))
    assert report and (report.error, report.power) == (None, Power.NONE)
    assert host.leftovers() == []


def test_destroying_what_was_never_there_succeeds(host: Host) -> None:
    report = host.give(order(Action.DESTROY, spec(), fence=4))
    assert report and report.error is None
    assert host.leftovers() == []


@pytest.mark.parametrize("point", BUILD_POINTS)
def test_a_build_goes_on_where_a_crash_ended_it(host: Host, point: str) -> None:
    """F-05: the daemon dies at every step, and comes back."""
    asked = order(Action.BUILD, spec())
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.give(asked)
    host.reboot_agent()
    report = host.give(replace(asked, attempt=2))
    assert report and report.error is None and report.power is Power.RUNNING
    assert len(host.hypervisor.domains) == len(host.disks.made) == 1


@pytest.mark.parametrize("point", BUILD_POINTS)
def test_a_delete_after_a_crash_in_the_build_leaves_nothing(host: Host, point: str) -> None:
    asked = order(Action.BUILD, spec(), fence=1)
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.give(asked)
    host.reboot_agent()
    host.give(order(Action.DESTROY, asked.server_id, fence=2))
    assert host.leftovers() == []


@pytest.mark.parametrize("point", DESTROY_POINTS)
def test_a_destroy_goes_on_where_a_crash_ended_it(host: Host, point: str) -> None:
    """F-06."""
    guest = host.build()
    asked = order(Action.DESTROY, guest, fence=2)
    failpoints.arm(f"{point}=crash")
    with pytest.raises(failpoints.Crash):
        host.give(asked)
    host.reboot_agent()
    report = host.give(replace(asked, attempt=2))
    assert report and report.error is None
    assert host.leftovers() == []
    assert host.instances.claim_of(guest.server_id).fence == 2


@pytest.mark.parametrize("method", ["define", "power_on"])
def test_a_failed_build_leaves_nothing_behind(host: Host, method: str) -> None:
    """K9: undone at once; the report has the words."""
    host.hypervisor.fail(method, errors.Internal("The hypervisor could not start the guest."))
    report = host.give(order(Action.BUILD, spec()))
    assert report and (report.error_kind, report.power) == ("internal", Power.NONE)
    assert report.error == "The hypervisor could not start the guest."
    assert host.leftovers() == []


@pytest.mark.parametrize("point", BUILD_POINTS)
def test_an_input_output_error_at_any_step_leaves_nothing_behind(host: Host, point: str) -> None:
    """F-59."""
    failpoints.arm(f"{point}=error:EIO")
    report = host.give(order(Action.BUILD, spec()))
    assert report and report.error and report.error_kind == "internal"
    assert host.leftovers() == []


def test_files_of_a_guest_that_cannot_be_stopped_are_not_removed(host: Host) -> None:
    host.hypervisor.fail("power_on", errors.Internal("no"))
    host.hypervisor.fail("power_off", errors.Internal("no"))
    host.give(order(Action.BUILD, spec()))
    assert len(host.disks.made) == 1


def test_a_retaken_build_marks_the_running_guest_with_the_new_fence(host: Host) -> None:
    """C-08: taken over by another conductor under a newer fence."""
    guest = host.build(fence=1)
    host.build(guest, fence=2)
    assert host.hypervisor.domains[guest.server_id].fence == 2
    assert [call for call in host.hypervisor.calls if call[0] == "power_on"] == [("power_on", guest.server_id)]


def test_an_image_larger_than_the_disk_is_refused_before_anything_is_made(host: Host) -> None:
    """S-011: 1 PiB in a small file."""
    report = host.give(order(Action.BUILD, spec(image=image(virtual_size=1 << 50))))
    assert report and report.error_kind == "invalid"
    assert report.error == "The image needs a disk of 1048576 GB, the flavor has one of 1 GB."
    assert host.leftovers() == []
    check_size(spec(image=image(virtual_size=1 << 30)))
    check_size(spec(disk_gb=0, image=image(virtual_size=1 << 40)))


def test_a_build_without_a_server_in_it_is_refused(host: Host) -> None:
    report = host.give(order(Action.BUILD, spec().server_id))
    assert report and report.error_kind == "invalid"
