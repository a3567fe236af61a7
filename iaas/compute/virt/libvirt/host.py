"""What the driver finds out about its host: acceleration, disk cache mode, size of the disk. Knows no
connection.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_O_DIRECT_PROBE = ".o-direct-probe"


def use_kvm(virt_type: str, cpuinfo: str, device: Path = Path("/dev/kvm")) -> bool:
    """``auto`` is KVM only with a vmx or svm flag AND the device: /dev/kvm alone may belong to a nested
    toy.
    """
    if virt_type != "auto":
        return virt_type == "kvm"
    flags = re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpuinfo, re.MULTILINE)
    return flags is not None and os.access(device, os.R_OK | os.W_OK)


def cpuinfo() -> str:
    return Path("/proc/cpuinfo").read_text()


def cache_mode(directory: Path) -> str:
    """``none`` where the file system takes O_DIRECT; else ``writeback``, which honours the guest's
    flushes as well.
    """
    probe = directory / _O_DIRECT_PROBE
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600))
    except OSError:
        return "writeback"
    finally:
        probe.unlink(missing_ok=True)
    return "none"


def disk_gb(directory: Path) -> int:
    """The size of the file system, GiB."""
    stat = os.statvfs(directory)
    return stat.f_blocks * stat.f_frsize >> 30


def ram_mb() -> int:
    """The host's RAM, MiB. Not from libvirt's getInfo: 9.0 was seen to answer a sixth of what is there."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
