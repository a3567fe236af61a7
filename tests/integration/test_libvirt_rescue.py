"""Real guests: rescued with their own disk beside them and back, and copied into an image while they run."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from iaas.host.exec import Runner
from iaas.host.qemu_img import QemuImg, inspected
from iaas.model.order import Action, Power, Upload
from tests.integration.libvirtd import libvirtd, tiny_image
from tests.integration.test_libvirt_guests import Host, host, image

__all__ = ["host", "image", "libvirtd", "tiny_image"]  # fixtures, used by name
UPLOAD = Upload(image_id="i", url="http://127.0.0.1:1/v2/images/i/file", token="t", format="qcow2")


def test_a_rescued_guest_has_two_disks_and_comes_back_with_its_own(host: Host) -> None:
    guest = host.boot(host.spec())
    rescue = replace(guest, rescue=host.image)
    assert host.give(Action.RESCUE, rescue, timeout_s=30).power is Power.RUNNING
    (pid,) = host.libvirtd.qemus(guest.server_id)
    opened = {Path(link.readlink()).name for link in Path(f"/proc/{pid}/fd").iterdir()}
    assert {"rescue.disk", "rescue.base", "disk", "base"} <= opened
    host.ready(guest, 2)
    assert host.give(Action.UNRESCUE, guest).power is Power.RUNNING
    host.ready(guest, 3)
    directory = host.state_dir / "instances" / guest.server_id
    assert not [path.name for path in directory.iterdir() if path.name.startswith("rescue")]


@pytest.mark.parametrize("off", [False, True])
def test_a_snapshot_stands_alone_and_the_server_stays_as_it_is(host: Host, tmp_path: Path, off: bool) -> None:
    guest = host.boot(host.spec())
    if off:
        host.give(Action.STOP, guest, timeout_s=30)
    expected = Power.SHUTDOWN if off else Power.RUNNING
    assert host.give(Action.SNAPSHOT, guest, upload=UPLOAD).power is expected
    copy = tmp_path / "copy"
    copy.write_bytes(host.uploaded["i"])
    assert not (host.state_dir / "instances" / guest.server_id / "snapshot").exists()
    subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", str(copy)], check=True)
    info = subprocess.run(["qemu-img", "info", "-f", "qcow2", str(copy)], check=True, capture_output=True, text=True)
    assert "backing file" not in info.stdout
    inspected(copy, "qcow2", QemuImg(Runner()).size_of(copy))  # as the image service and the next host will
