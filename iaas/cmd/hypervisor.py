"""Chooses what a compute host builds with: the hypervisor driver, where disks come from, and how they go elsewhere."""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

from iaas.compute.agent.disks import DiskStore, FakeDisks, QemuDisks
from iaas.compute.agent.instances import Instances
from iaas.compute.agent.transfer import FakeMover, Mover
from iaas.compute.virt.driver import Driver
from iaas.config.sections import Compute as Options
from iaas.model.order import Resources


def make(options: Options, instances: Instances, host: str, host_ip: str) -> tuple[Driver, DiskStore, Mover]:
    """By ``[compute] driver``. The fake needs no image, no libvirt and no root."""
    return _fake(options, host, host_ip) if options.driver == "fake" else _libvirt(options, instances, host_ip)


def _fake(options: Options, host: str, host_ip: str) -> tuple[Driver, DiskStore, Mover]:
    from iaas.compute.virt.driver import Disk
    from iaas.compute.virt.fake import FakeDomain, FakeDriver, FakeHypervisor
    from iaas.compute.virt.fake_memory import Kept

    resources = Resources(
        vcpus=options.fake_vcpus,
        ram_mb=options.fake_ram_mb,
        disk_gb=options.fake_disk_gb,
        hypervisor_type="fake",
        hypervisor_version=1000,
        hypervisor_hostname=host,
        cpu_arch=platform.machine(),
        host_ip=host_ip,
    )

    def without_token(domain: FakeDomain) -> FakeDomain:
        return replace(domain, guest=replace(domain.guest, image=None, config_drive=None))

    memory = Path(options.state_dir) / "fake"
    domains: Kept[FakeDomain] = Kept(memory / "guests", FakeDomain, without_token)
    disks: Kept[tuple[Disk, ...]] = Kept(memory / "disks", tuple[Disk, ...])
    kept = FakeDisks(disks)
    return FakeDriver(FakeHypervisor(domains), resources), kept, FakeMover(kept, host_ip)


def _libvirt(options: Options, instances: Instances, host_ip: str) -> tuple[Driver, DiskStore, Mover]:
    from iaas.compute.agent.images.cache import ImageCache
    from iaas.compute.agent.images.shelf import Keeping
    from iaas.compute.agent.qemu_transfer import QemuMover
    from iaas.compute.virt.libvirt.driver import LibvirtDriver
    from iaas.host.exec import Runner
    from iaas.host.image_fetch import fetch
    from iaas.host.qemu_disk import QemuDisk
    from iaas.host.qemu_img import QemuImg

    state_dir, runner = Path(options.state_dir), Runner()
    driver = LibvirtDriver(options.libvirt_uri, virt_type=options.virt_type, state_dir=state_dir, host_ip=host_ip)
    qemu_img = QemuImg(runner)
    keeping = Keeping(
        age=options.image_cache_keep, low=options.image_cache_low_gb << 30, most=options.image_cache_most_gb << 30
    )
    reserve = options.reserved_disk_gb << 30
    cache = ImageCache(state_dir / "cache", qemu_img, fetch, min_free=reserve, keeping=keeping)
    disks = QemuDisks(instances, cache, qemu_img, runner)
    mover = QemuMover(instances, disks, QemuDisk(runner), address=host_ip, pki=state_dir / "pki")
    return driver, disks, mover
