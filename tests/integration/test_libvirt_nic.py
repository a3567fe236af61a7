"""A guest's network interface on a real bridge, inside a network namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from iaas.compute.virt.driver import Disk
from iaas.compute.virt.libvirt.driver import LibvirtDriver
from iaas.model.order import GuestSpec, Nic
from tests.integration.libvirtd import Libvirtd, missing_tools

NETNS = f"iaaslv{os.getpid()}"
NIC = Nic(port_id="p", mac="fa:16:3e:0a:0b:0c", tap="tap0a1b2c3d-4e", bridge="brq0a1b2c3d-4e", mtu=1450)


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", "-n", NETNS, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[LibvirtDriver]:
    if missing_tools():
        pytest.skip(f"needs {', '.join(missing_tools())}")
    directory = Path(tempfile.mkdtemp(prefix="iaas-lv-", dir="/tmp"))
    subprocess.run(["ip", "netns", "add", NETNS], check=True)
    daemon = Libvirtd(directory, netns=NETNS)
    try:
        ip("link", "add", NIC.bridge, "type", "bridge")
        ip("link", "set", NIC.bridge, "up")
        daemon.start()
        made = LibvirtDriver(daemon.uri, virt_type="auto", state_dir=tmp_path, host_ip="192.0.2.1")
        yield made
        made.close()
    finally:
        daemon.stop()
        subprocess.run(["ip", "netns", "del", NETNS], check=True)
        shutil.rmtree(directory, ignore_errors=True)


def test_the_tap_has_its_name_bridge_and_mtu_and_goes_with_the_guest(driver: LibvirtDriver, tmp_path: Path) -> None:
    """I-04."""
    server = str(uuid.uuid4())
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    guest = GuestSpec(
        server_id=server, name="web", project_id="p", user_id="u", flavor="f", vcpus=1, ram_mb=64, disk_gb=1,
        ephemeral_gb=0, swap_mb=0, image=None, nics=(NIC,),
    )  # fmt: skip
    driver.define(guest, (Disk(target="vda", path=disk, format="raw"),), tmp_path / "console.log", 1)
    assert driver.taps() == ()
    driver.power_on(server)
    (link,) = json.loads(ip("-j", "link", "show", "dev", NIC.tap))
    assert (link["master"], link["mtu"]) == (NIC.bridge, 1450)
    assert driver.taps() == (NIC.tap,)
    driver.power_off(server)
    assert driver.taps() == ()
    assert NIC.tap not in ip("-j", "link")
    driver.undefine(server)
