"""KVM or emulation, and the cache mode: decided by looking, never assumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from iaas.compute.virt.libvirt import host

INTEL = "processor : 0\nflags\t\t: fpu vme vmx sse\n"
NONE = "processor : 0\nflags\t\t: fpu vme avmxy sse\nbugs\t\t: svm\n"


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "kvm"
    path.touch()
    return path


def test_auto_is_kvm_only_with_the_flag_and_the_device(device: Path) -> None:
    assert host.use_kvm("auto", INTEL, device)
    assert host.use_kvm("auto", INTEL.replace("vmx", "svm"), device)
    assert not host.use_kvm("auto", NONE, device)
    assert not host.use_kvm("auto", INTEL, device.with_name("missing"))


def test_the_operator_has_the_last_word(device: Path) -> None:
    assert host.use_kvm("kvm", NONE, device.with_name("missing"))
    assert not host.use_kvm("qemu", INTEL, device)


def test_the_cache_mode_fits_the_file_system(tmp_path: Path) -> None:
    assert host.cache_mode(tmp_path) in ("none", "writeback")
    assert host.cache_mode(Path("/proc/self")) == "writeback"
    assert list(tmp_path.iterdir()) == []


def test_the_host_is_measured(tmp_path: Path) -> None:
    total = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    assert abs(host.ram_mb() - total) <= 1
    assert host.disk_gb(tmp_path) >= 0
