"""libvirtd of a stack: its private places and configuration, and whether it answers (devstack/libvirtd-private)."""

from __future__ import annotations

import uuid
from pathlib import Path

from devstack.stack import files, mounts, processes
from devstack.stack.failure import Failure
from devstack.stack.settings import Settings

_RECORD = "mount-points.json"
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
        'unix_sock_rw_perms = "0700"', 'unix_sock_ro_perms = "0700"', 'log_outputs = "2:stderr"',
        *_listening(settings), "",
    ])  # fmt: skip


def _listening(settings: Settings) -> list[str]:
    """Several hosts: live migrations come from the others, with certificates of the same cloud (iaas/host/pki.py)."""
    if settings.host is None:
        return []
    pki = settings.lib_seen / "compute" / "pki"
    return [
        "listen_tls = 1", "listen_tcp = 0", f'listen_addr = "{settings.address}"', 'auth_tls = "none"',
        f'ca_file = "{pki}/ca-cert.pem"', f'cert_file = "{pki}/server-cert.pem"', f'key_file = "{pki}/server-key.pem"',
    ]  # fmt: skip


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
    """Makes directories and configuration. What another feature wants of libvirtd or QEMU (listening, certificates)
    goes into the two texts above; ``settings.address`` is the host's own."""
    place = files.folder(_place(settings))
    for name in mounts.LIBVIRT:
        files.folder(place / name, 0o755)
    files.write(place / "etc" / "libvirtd.conf", libvirtd_conf(settings))
    files.folder(settings.lib / "compute" / "pki")  # iaas-compute fills it; libvirtd wants to see it
    certificates = settings.lib_seen / "compute" / "pki"
    tls = f'nbd_tls_x509_cert_dir = "{certificates}"\nmigrate_tls_x509_cert_dir = "{certificates}"\n'
    tls += "migrate_tls_x509_verify = 1\n"
    files.write(place / "etc" / "qemu.conf", f"{_QEMU_CONF}{tls}")
    _accounts(place)
    mounts.make_points(tuple(mounts.LIBVIRT.values()), place / _RECORD)


def forget(settings: Settings) -> None:
    """Removes the mount points that ``prepare`` had to make."""
    mounts.forget_points(_place(settings) / _RECORD)


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
