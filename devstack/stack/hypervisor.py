"""libvirtd of a stack: its private places and configuration, and whether it answers (devstack/libvirtd-private)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from devstack.stack import files, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings

# Where the mount namespace of libvirtd-private puts the directories of the stack.
MOUNT_POINTS = tuple(Path(name) for name in (
    "/run/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt", "/etc/libvirt",
))  # fmt: skip

_QEMU_CONF = """# Written by devstack/up. Guests run as root and unconfined: a development machine, perhaps a container.
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
"""


def _place(settings: Settings) -> Path:
    return settings.state / "libvirt"


def libvirtd_conf(settings: Settings) -> str:
    """The host's identity must differ from that of any other libvirtd on this machine, and stay."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.state}/{settings.secrets.broker_cookie}")
    return "\n".join([
        "# Written by devstack/up.", f'host_uuid = "{identity}"',
        'auth_unix_rw = "none"', 'auth_unix_ro = "none"',
        'unix_sock_rw_perms = "0700"', 'unix_sock_ro_perms = "0700"', 'log_outputs = "2:stderr"', "",
    ])  # fmt: skip


def _accounts(place: Path) -> None:
    """libvirtd insists on a user libvirt-qemu even when told to use root.

    Debian makes it in a package that wants a service manager; where it is missing, libvirtd-private shows these
    files to libvirtd alone.
    """
    user = {"passwd": "libvirt-qemu:x:64055:64055::/:/bin/false", "group": "libvirt-qemu:x:64055:"}
    for name, line in user.items():
        text = Path("/etc", name).read_text()
        if "libvirt-qemu:" not in text:
            files.write(place / name, f"{text.rstrip()}\n{line}\n", 0o644)


def prepare(settings: Settings) -> None:
    """Makes directories and configuration; remembers which mount points were missing, for ``forget``."""
    place = files.folder(_place(settings))
    for name in ("run", "lib", "cache", "log", "etc"):
        files.folder(place / name, 0o755)
    files.write(place / "etc" / "libvirtd.conf", libvirtd_conf(settings))
    files.write(place / "etc" / "qemu.conf", _QEMU_CONF)
    _accounts(place)
    made = place / "mount-points.json"
    if not made.exists():
        files.write(made, json.dumps([str(path) for path in MOUNT_POINTS if not path.exists()]))
    for path in MOUNT_POINTS:
        path.mkdir(parents=True, exist_ok=True)


def forget(settings: Settings) -> None:
    """Removes the mount points that ``prepare`` had to make, but for those that another libvirtd has mounts on.

    Removing a directory takes away what is mounted on it, in every mount namespace.
    """
    made = _place(settings) / "mount-points.json"
    for name in json.loads(made.read_text()) if made.exists() else []:
        path = Path(name)
        if path in MOUNT_POINTS and path.is_dir() and not any(path.iterdir()) and not processes.sees_mount(path):
            path.rmdir()


def virsh(settings: Settings, *arguments: str) -> str:
    """Output of virsh. Raises Failure if it fails."""
    command = ["virsh", "-q", "-c", settings.libvirt_uri, *arguments]
    return processes.run(command, timeout=30, log=settings.log("libvirtd"))


def answers(settings: Settings) -> bool:
    try:
        virsh(settings, "uri")
    except Failure:
        return False
    return True


def wait(settings: Settings) -> None:
    log = settings.log("libvirtd")
    if not processes.wait_for(lambda: answers(settings), 90, 0.3):
        raise Failure(f"libvirtd does not answer ({files.tail(log)})", log)


def destroy_all(settings: Settings) -> None:
    """Ends and undefines every guest of this libvirtd."""
    for domain in virsh(settings, "list", "--all", "--uuid").split():
        if virsh(settings, "domstate", domain).strip() not in ("shut off", ""):
            virsh(settings, "destroy", domain)
        if domain in virsh(settings, "list", "--all", "--uuid").split():  # a transient one is gone now
            virsh(settings, "undefine", domain, "--nvram", "--managed-save", "--snapshots-metadata")
