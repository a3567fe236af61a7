"""Time from the request until a volume is attached to a running guest, beside libvirt alone plugging the same disk in.

    devstack/up --state /tmp/bench/st
    python bench/attach.py /tmp/bench/st [rounds]        needs root

Both are of one run, one guest and one export: ours from POST os-volume_attachments until the volume is in-use (API,
conductor, volume host, compute host, database, broker), the bare one is virDomainAttachDeviceFlags of the same XML.
Detaching likewise; the guest itself has the largest part in that. Prints medians in seconds and ratios as JSON. Nothing
is asserted.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

FLAGS = 3  # VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG
LOOK_S = 0.02


def enter(state: Path) -> None:
    """Goes on as the same program where the stack's daemons run."""
    if os.environ.get("BENCH_INSIDE"):
        return
    pid = (state / "run" / "supervisord.pid").read_text().strip()
    os.environ |= {"BENCH_INSIDE": "1", "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"), "OS_CLOUD": "devstack"}
    words = ["nsenter", "-t", pid, "-m", "-n", sys.executable, *sys.argv]
    os.execvp(words[0], words)


def timed(act: Callable[[], object], done: Callable[[], bool]) -> float:
    started = time.perf_counter()
    act()
    while not done():
        time.sleep(LOOK_S)
    return time.perf_counter() - started


def measure(state: Path, rounds: int) -> dict[str, Any]:
    import libvirt
    import openstack

    from iaas.compute.virt.libvirt import volume_xml

    cloud = openstack.connect()
    server = cloud.compute.find_server("first-instance", ignore_missing=False)
    volume = cloud.volume.create_volume(name="bench", size=1)
    domain = libvirt.open(f"qemu+unix:///system?socket={state}/libvirt/run/libvirt-sock").lookupByUUIDString(server.id)
    libvirt.registerErrorHandler(lambda context, error: None, None)

    def status(wanted: str) -> bool:
        return bool(cloud.volume.get_volume(volume.id).status == wanted)

    def live() -> bool:
        return volume.id in volume_xml.volumes(domain.XMLDesc(0))

    timed(lambda: None, lambda: status("available"))
    ours: dict[str, list[float]] = {"attach": [], "detach": []}
    bare: dict[str, list[float]] = {"attach": [], "detach": []}
    path = f"/servers/{server.id}/os-volume_attachments"
    for _ in range(rounds):
        body = {"volumeAttachment": {"volumeId": volume.id}}
        ours["attach"].append(timed(lambda body=body: cloud.compute.post(path, json=body), lambda: status("in-use")))
        xml = _text(volume_xml.volumes(domain.XMLDesc(0))[volume.id])
        time.sleep(1)  # the guest looks at its new disk
        bare["detach"].append(timed(lambda xml=xml: domain.detachDeviceFlags(xml, FLAGS), lambda: not live()))
        bare["attach"].append(timed(lambda xml=xml: domain.attachDeviceFlags(_plain(xml), FLAGS), live))
        time.sleep(1)
        away = f"{path}/{volume.id}"
        ours["detach"].append(timed(lambda away=away: cloud.compute.delete(away), lambda: status("available")))
    cloud.volume.delete_volume(volume.id)
    found: dict[str, Any] = {"rounds": rounds}
    for verb in ("attach", "detach"):
        mine, theirs = statistics.median(ours[verb]), statistics.median(bare[verb])
        found[verb] = {"ours_s": round(mine, 3), "bare_s": round(theirs, 3), "ratio": round(mine / theirs, 2)}
    return found


def _text(disk: Any) -> str:
    return ET.tostring(disk, encoding="unicode")


def _plain(text: str) -> str:
    """Without what libvirt had added to the disk that was there: addresses and aliases are given anew."""
    disk = ET.fromstring(text)
    for name in ("alias", "address", "backingStore"):
        for element in disk.findall(name):
            disk.remove(element)
    return ET.tostring(disk, encoding="unicode")


def main() -> None:
    state = Path(sys.argv[1])
    enter(state)
    print(json.dumps(measure(state, int(sys.argv[2]) if len(sys.argv) > 2 else 5)))


if __name__ == "__main__":
    main()
