"""What our driver adds to a start: define + power_on through it, against a bare createXML of the same domain.

    python bench/virt_boot.py [rounds]      needs root, libvirtd, QEMU; starts its own libvirtd

Prints the median seconds of both and their ratio as JSON. The guests have an empty disk: a boot would
only add the same to both.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import libvirt

sys.path.insert(0, str(Path(__file__).parents[1]))

from iaas.compute.virt.driver import Disk
from iaas.compute.virt.libvirt.driver import LibvirtDriver
from iaas.model.order import GuestSpec
from tests.integration.libvirtd import Libvirtd


def spec() -> GuestSpec:
    return GuestSpec(
        server_id=str(uuid.uuid4()), name="bench", project_id="p", user_id="u", flavor="f", vcpus=1, ram_mb=96,
        disk_gb=1, ephemeral_gb=0, swap_mb=0, image=None, nics=(),
    )  # fmt: skip


def timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def measure(daemon: Libvirtd, directory: Path, rounds: int) -> dict[str, float]:
    driver = LibvirtDriver(daemon.uri, virt_type="auto", state_dir=directory, host_ip="127.0.0.1")
    bare = libvirt.open(daemon.uri)
    disk = directory / "disk"
    disk.write_bytes(bytes(1 << 20))
    disks = (Disk(target="vda", path=disk, format="raw"),)
    ours, theirs = [], []
    for _ in range(rounds):
        guest = spec()

        def start(guest: GuestSpec = guest) -> None:
            driver.define(guest, disks, directory / "console.log", 1)
            driver.power_on(guest.server_id)

        ours.append(timed(start))
        xml = bare.lookupByUUIDString(guest.server_id).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        driver.power_off(guest.server_id)
        driver.undefine(guest.server_id)
        theirs.append(timed(lambda xml=xml: bare.createXML(xml, 0)))
        bare.lookupByUUIDString(guest.server_id).destroy()
    bare.close()
    driver.close()
    ours_median, bare_median = statistics.median(ours), statistics.median(theirs)
    return {
        "driver_s": round(ours_median, 4),
        "bare_s": round(bare_median, 4),
        "ratio": round(ours_median / bare_median, 3),
        "rounds": rounds,
    }


def main() -> None:
    directory = Path(tempfile.mkdtemp(prefix="iaas-lv-", dir="/tmp"))
    daemon = Libvirtd(directory)
    try:
        daemon.start()
        print(json.dumps(measure(daemon, directory / "state", int(sys.argv[1]) if len(sys.argv) > 1 else 10)))
    finally:
        daemon.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
