"""The whole agent on a real libvirt with real (emulated) guests: life, death, and the death of libvirtd."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from iaas.clock import SystemClock
from iaas.compute.agent.disks import QemuDisks
from iaas.compute.agent.images.cache import ImageCache
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.qemu_transfer import QemuMover
from iaas.compute.agent.service import ComputeAgent
from iaas.compute.virt.libvirt.driver import LibvirtDriver
from iaas.host.exec import Runner
from iaas.host.executor import Inline
from iaas.host.image_fetch import fetch
from iaas.host.qemu_disk import QemuDisk
from iaas.host.qemu_img import QemuImg
from iaas.model.order import Action, GuestSpec, ImageSource, Nic, Power, Report, Upload
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.conductor import ConductorRpc
from tests.integration.libvirtd import Libvirtd, eventually, libvirtd, tiny_image
from tests.unit.compute.agent.bench import Postbox, order

__all__ = ["libvirtd", "tiny_image"]  # fixtures, used by name

BOOT = 90  # seconds; an idle machine needs 7
SOON = 15  # seconds; what is promised within 5, for a machine on which other tests run beside
BOOTED = "TINY: boot"  # the login is there; the rest waits for a network that most of these guests lack


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def image(tiny_image: Path) -> Iterator[ImageSource]:
    """The test guest, served over HTTP as the image service does."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: Quiet(*arguments, directory=str(tiny_image.parent))
    )
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    data = tiny_image.read_bytes()
    yield ImageSource(
        id=str(uuid.uuid4()), url=f"http://127.0.0.1:{server.server_port}/{tiny_image.name}", token="t",
        format="qcow2", size=len(data), hash_algo="sha512", hash_value=hashlib.sha512(data).hexdigest(),
        virtual_size=int.from_bytes(data[24:32], "big"),
    )  # fmt: skip
    server.shutdown()
    server.server_close()


class Host:
    """A compute host whose orders are carried out when they are given."""

    def __init__(self, daemon: Libvirtd, state_dir: Path, image: ImageSource) -> None:
        self.libvirtd = daemon
        self.state_dir = state_dir
        self.image = image
        self.post = Postbox()
        runner = Runner()
        self.driver = LibvirtDriver(daemon.uri, virt_type="auto", state_dir=state_dir, host_ip="192.0.2.1")
        self.instances = Instances(state_dir)
        qemu_img = QemuImg(runner)
        cache = ImageCache(state_dir / "cache", qemu_img, fetch)
        disks = QemuDisks(self.instances, cache, qemu_img, runner)
        mover = QemuMover(self.instances, disks, QemuDisk(runner), address="127.0.0.1", pki=state_dir / "pki")
        self.agent = ComputeAgent(
            host="host1", driver=self.driver, disks=disks, instances=self.instances, mover=mover,
            conductor=ConductorRpc(self.post), peers=ComputeRpc(self.post), clock=SystemClock(), heavy=Inline(),
            light=Inline(), send=self._keep,
        )  # fmt: skip
        self.uploaded: dict[str, bytes] = {}  # image id -> what was sent for it
        self._fence = 0

    def _keep(self, upload: Upload, source: Path, progress: Callable[[], None]) -> None:
        self.uploaded[upload.image_id] = source.read_bytes()

    def spec(self, **changes: object) -> GuestSpec:
        guest = GuestSpec(
            server_id=str(uuid.uuid4()), name='we<b>&"', project_id="p", user_id="u", flavor="tiny", vcpus=1,
            ram_mb=96, disk_gb=1, ephemeral_gb=0, swap_mb=0, image=self.image, nics=(),
        )  # fmt: skip
        return replace(guest, **changes)  # type: ignore[arg-type]

    def give(self, action: Action, guest: GuestSpec, **changes: object) -> Report:
        self._fence += 1
        self.agent.endpoint.execute(order(action, guest, fence=self._fence, **changes))
        report = self.post.final[-1]
        assert report.fence == self._fence and report.error is None, report
        return report

    def boot(self, guest: GuestSpec) -> GuestSpec:
        assert self.give(Action.BUILD, guest).power is Power.RUNNING
        self.ready(guest)
        return guest

    def console(self, guest: GuestSpec) -> str:
        return self.agent.endpoint.console_output(guest.server_id, None)

    def ready(self, guest: GuestSpec, times: int = 1) -> None:
        """Waits until the guest has booted for the ``times``-th time in its life."""
        eventually(lambda: self.console(guest).count(BOOTED) >= times, BOOT, f"boot {times} of the guest")

    def power(self, guest: GuestSpec) -> Power | None:
        found = self.driver.find(guest.server_id)
        return found.power if found else None


@pytest.fixture
def host(libvirtd: Libvirtd, tmp_path: Path, image: ImageSource) -> Iterator[Host]:
    made = Host(libvirtd, tmp_path, image)
    yield made
    made.agent.stop()
    for guest in made.driver.guests():
        made.driver.power_off(guest.server_id)
        made.driver.undefine(guest.server_id)
    made.driver.close()


def test_the_life_of_a_server(host: Host) -> None:
    """Built, shut down by ACPI, started with its data, rebooted both ways, destroyed without a trace."""
    guest = host.boot(host.spec(ephemeral_gb=1, swap_mb=16))
    eventually(lambda: "TINY: ready" in host.console(guest), BOOT, "the guest is through with its start")
    assert "ephemeral0" not in host.console(guest) and "TINY: swap on" in host.console(guest)
    assert host.give(Action.STOP, guest, timeout_s=60).power is Power.SHUTDOWN
    assert "power button" in host.console(guest)  # asked, not forced
    assert host.give(Action.START, guest).power is Power.RUNNING
    host.ready(guest, 2)  # the console of the first boot is still there
    assert host.give(Action.REBOOT_HARD, guest).power is Power.RUNNING
    host.ready(guest, 3)
    host.give(Action.DESTROY, guest)
    assert host.power(guest) is None
    assert host.libvirtd.qemus(guest.server_id) == []
    assert host.agent.endpoint.inventory().instance_dirs == ()
    assert list((host.state_dir / "instances").iterdir()) == []
    assert len(list((host.state_dir / "cache").iterdir())) == 2  # the image stays for the next one
    second = host.spec()
    host.give(Action.BUILD, second)
    assert (host.state_dir / "instances" / second.server_id / "base").stat().st_nlink == 2


def test_a_soft_reboot_shuts_the_guest_down_first(host: Host) -> None:
    guest = host.boot(host.spec())
    assert host.give(Action.REBOOT_SOFT, guest, timeout_s=60).power is Power.RUNNING
    host.ready(guest, 2)
    assert "power button" in host.console(guest)


def test_a_killed_qemu_is_seen_by_event_within_five_seconds(host: Host) -> None:
    """F-56."""
    guest = host.spec()
    host.give(Action.BUILD, guest)
    host.agent.start()
    eventually(lambda: host.post.beats and host.post.beats[-1].guests, 20, "first heartbeat with the guest")
    (pid,) = host.libvirtd.qemus(guest.server_id)
    os.kill(pid, signal.SIGKILL)

    def seen() -> bool:
        return any(found.power is Power.SHUTDOWN for found in host.post.beats[-1].guests or ())

    eventually(seen, SOON, "heartbeat with the dead guest")
    assert host.give(Action.START, guest).power is Power.RUNNING


def test_libvirtd_killed_and_restarted_costs_no_guest_and_no_driver(host: Host) -> None:
    """F-55: the guest runs on under the same pid; the driver is back within 5 s, events included."""
    guest = host.spec()
    host.give(Action.BUILD, guest)
    host.agent.start()
    (pid,) = host.libvirtd.qemus(guest.server_id)
    host.libvirtd.kill()
    eventually(lambda: host.post.beats and host.post.beats[-1].guests is None, 20, "guests told to be unknown")
    assert host.libvirtd.qemus(guest.server_id) == [pid]
    host.libvirtd.start()
    eventually(lambda: host.post.beats[-1].guests, SOON, "guests told again")
    assert host.libvirtd.qemus(guest.server_id) == [pid]
    assert host.power(guest) is Power.RUNNING
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: host.power(guest) is Power.SHUTDOWN, SOON, "death of the guest")
    eventually(lambda: host.post.beats[-1].guests[0].power is Power.SHUTDOWN, SOON, "event after the restart")


def test_orders_wait_for_a_restart_of_libvirtd(host: Host) -> None:
    """F-55: killed during an operation, which then succeeds."""
    guest = host.spec()
    host.give(Action.BUILD, guest)
    host.libvirtd.kill()
    restart = threading.Timer(2, host.libvirtd.start)
    restart.start()
    assert host.give(Action.STOP, guest, timeout_s=0).power is Power.SHUTDOWN
    restart.join()
    assert host.power(guest) is Power.SHUTDOWN


def test_a_silent_libvirtd_does_not_silence_the_host(host: Host) -> None:
    """F-55: SIGSTOP. Heartbeats go on with guests unknown, and say them again after SIGCONT."""
    guest = host.spec()
    host.give(Action.BUILD, guest)
    host.agent.start()
    eventually(lambda: host.post.beats and host.post.beats[-1].guests, 20, "first heartbeat with the guest")
    os.kill(host.libvirtd.pid, signal.SIGSTOP)
    try:
        eventually(lambda: host.post.beats[-1].guests is None, 30, "guests unknown")
        before = len(host.post.beats)
        eventually(lambda: len(host.post.beats) >= before + 2, 20, "heartbeats go on")
    finally:
        os.kill(host.libvirtd.pid, signal.SIGCONT)
    eventually(lambda: host.post.beats[-1].guests, 20, "guests known again")
    assert host.power(guest) is Power.RUNNING


def test_a_failed_start_leaves_nothing_and_names_no_path(host: Host) -> None:
    """S-071: a bridge that is not there."""
    nic = Nic(port_id="p", mac="fa:16:3e:00:00:01", tap="taplvnone", bridge="brlvnone", mtu=1500)
    guest = host.spec(nics=(nic,))
    host.agent.endpoint.execute(order(Action.BUILD, guest))
    report = host.post.final[-1]
    assert report.error == "The hypervisor could not start the guest." and report.power is Power.NONE
    assert host.power(guest) is None and not host.instances.exists(guest.server_id)
