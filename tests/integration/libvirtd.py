"""A private libvirtd for tests: own directories, own socket, nothing of the machine's own libvirt is touched.

``from tests.integration.libvirtd import libvirtd`` gives the session fixture; ``Libvirtd`` can be run
with other directories or in a network namespace to be one of several "hosts". It runs under ``tini -s``:
PID 1 of a container may reap slowly, and libvirt waits for its dead QEMUs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("libvirtd", "tini", "unshare", "qemu-system-x86_64", "qemu-img")
_QEMU_CONF = """user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""
_MOUNTS = {"run": "/run/libvirt", "lib": "/var/lib/libvirt", "etc": "/etc/libvirt",
           "log": "/var/log/libvirt", "cache": "/var/cache/libvirt"}  # fmt: skip


def eventually(check: Callable[[], object], seconds: float, what: str = "condition") -> None:
    """Polls until the check is true; fails with ``what`` when the time is over."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def _accounts(directory: Path) -> str:
    """Mounts of a passwd and a group file with libvirt's user, which libvirtd insists on even when told
    to use root.

    Debian makes it in libvirt-daemon-system, which wants a service manager; so the machine may lack it.
    """
    lines = {"passwd": "libvirt-qemu:x:64055:64055::/:/bin/false", "group": "libvirt-qemu:x:64055:"}
    mounts = ""
    for name, line in lines.items():
        text = Path("/etc", name).read_text()
        if "libvirt-qemu:" not in text:
            (directory / name).write_text(f"{text.rstrip()}\n{line}\n")
            mounts += f"mount --bind {directory / name} /etc/{name}\n"
    return mounts


class Libvirtd:
    """One libvirtd. ``uri`` works from every namespace that sees the directory (and is a short path)."""

    def __init__(self, directory: Path, netns: str | None = None) -> None:
        self.directory = directory
        self.netns = netns
        self.socket = directory / "run" / "libvirt-sock"
        self.uri = f"qemu+unix:///system?socket={self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        for name in _MOUNTS:
            (directory / name).mkdir(parents=True, exist_ok=True)
        (directory / "etc" / "qemu.conf").write_text(_QEMU_CONF)
        (directory / "etc" / "libvirtd.conf").write_text(
            f'host_uuid = "{uuid.uuid4()}"\nauth_unix_rw = "none"\nauth_unix_ro = "none"\n'
        )

    def start(self) -> None:
        """Starts it and waits for its socket to answer."""
        binds = "".join(
            f"mkdir -p {there}; mount --bind {self.directory}/{here} {there}\n" for here, there in _MOUNTS.items()
        )
        script = f"set -e\n{binds}{_accounts(self.directory)}exec tini -s -- libvirtd -p {self._pid_file}"
        prefix = ["ip", "netns", "exec", self.netns] if self.netns else []
        self._pid_file.unlink(missing_ok=True)
        with (self.directory / "libvirtd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*prefix, "unshare", "-m", "--propagation", "private", "sh", "-c", script],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        eventually(self._answers, 60, f"libvirtd answers; log in {self.directory}/libvirtd.log")

    @property
    def pid(self) -> int:
        return int(self._pid_file.read_text())

    @property
    def _pid_file(self) -> Path:
        return self.directory / "run" / "libvirtd.pid"

    def kill(self) -> None:
        """SIGKILL of libvirtd alone; its guests live on."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._process
        self._process.wait(10)

    def stop(self) -> None:
        """Ends libvirtd and every QEMU that it started."""
        for pid in self.qemus():
            os.kill(pid, signal.SIGKILL)
        if self._process and self._process.poll() is None:
            os.kill(self.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def qemus(self, text: str = "") -> list[int]:
        """Pids of this libvirtd's QEMUs whose command line contains ``text`` (a server id, for example)."""
        found = []
        mark = f"{_MOUNTS['lib']}/qemu/domain-"
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                same = (entry / "root" / _MOUNTS["lib"][1:]).samefile(self.directory / "lib")
            except (OSError, ValueError):
                continue
            if "qemu-system" in command.split("\0")[0] and mark in command and text in command and same:
                found.append(int(entry.name))
        return found

    def _answers(self) -> bool:
        import libvirt

        assert self._process and self._process.poll() is None, "libvirtd ended at once; see its log"
        if not self.socket.exists():
            return False
        try:
            libvirt.open(self.uri).close()
        except libvirt.libvirtError:
            return False
        return True


def missing_tools() -> list[str]:
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return lacking if os.geteuid() == 0 else ["root", *lacking]


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[Libvirtd]:
    """A running libvirtd for the session; skipped, with the reason, where it cannot run."""
    lacking = missing_tools()
    if lacking:
        pytest.skip(f"needs {', '.join(lacking)}")
    directory = Path(tempfile.mkdtemp(prefix="iaas-lv-", dir="/tmp"))
    daemon = Libvirtd(directory)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def tiny_image() -> Path:
    """The 17 MB test guest (qcow2): taken from IAAS_TEST_IMAGE, from a cache below /tmp or from where devstack
    builds it; else built in the cache.
    """
    cache = Path(os.environ.get("IAAS_TEST_IMAGE", "/tmp/iaas-test-image/tinyguest.qcow2"))
    ready = [cache, ROOT / "build" / "image" / "tinyguest.qcow2"]
    for image in ready:
        if image.is_file():
            return image
    subprocess.run([ROOT / "devstack" / "build-test-image.sh", cache.parent], check=True, timeout=300)
    return cache
