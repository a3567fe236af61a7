"""The libvirt domain of a guest as XML, and our marker in it. Pure: no connection, no file, no look at
the host.

Built as a tree, never as text, so no name can break out of its place (S-100). The marker is an element
in our own namespace with the fence, the project and the server's name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iaas.compute.virt.driver import Disk
from iaas.compute.virt.libvirt import volume_xml
from iaas.model.order import GuestSpec, Nic

NAMESPACE = "https://iaas.invalid/domain/1"
PREFIX = "iaas"
ET.register_namespace(PREFIX, NAMESPACE)


@dataclass(frozen=True, kw_only=True)
class Host:
    """What the XML needs to know of the host. ``kvm`` False is emulation (TCG); ``cache`` is a disk's
    cache mode.
    """

    kvm: bool
    arch: str = "x86_64"
    cache: str = "none"


@dataclass(frozen=True)
class Marker:
    fence: int
    project_id: str
    name: str


def domain_name(server_id: str) -> str:
    return f"iaas-{server_id[:8]}"


def domain(guest: GuestSpec, disks: Sequence[Disk], console: Path, marker: Marker, host: Host) -> str:
    """The complete domain; memory in MiB. A stopped guest stays defined, a crashed one is not restarted
    by libvirt.
    """
    root = ET.Element("domain", type="kvm" if host.kvm else "qemu")
    _text(root, "name", domain_name(guest.server_id))
    _text(root, "uuid", guest.server_id)
    ET.SubElement(root, "metadata").append(_marker_element(marker, f"{{{NAMESPACE}}}server"))
    _text(root, "memory", str(guest.ram_mb), unit="MiB")
    _text(root, "vcpu", str(guest.vcpus))
    _sysinfo(root, guest)
    system = ET.SubElement(root, "os")
    _text(system, "type", "hvm", arch=host.arch, machine="pc")
    ET.SubElement(system, "boot", dev="hd")
    ET.SubElement(system, "smbios", mode="sysinfo")
    _features(root, guest, host)
    ET.SubElement(root, "clock", offset="utc")
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        _text(root, event, action)
    power = ET.SubElement(root, "pm")  # a guest that put itself to sleep would look neither on nor off
    ET.SubElement(power, "suspend-to-mem", enabled="no")
    ET.SubElement(power, "suspend-to-disk", enabled="no")
    devices = ET.SubElement(root, "devices")
    for disk in disks:
        _disk(devices, disk, host)
    devices.extend(volume_xml.element(volume) for volume in guest.volumes)
    for nic in guest.nics:
        _interface(devices, nic, host)
    _small_devices(devices, console)
    return ET.tostring(root, encoding="unicode")


def marker_xml(marker: Marker) -> str:
    """The marker alone, for a change of the metadata of a defined domain: libvirt adds the namespace
    itself.
    """
    return ET.tostring(_marker_element(marker, "server"), encoding="unicode")


def read_marker(xml: str) -> Marker | None:
    """The marker from its element or from a whole domain; None when it is absent or not as we write it."""
    tag = f"{{{NAMESPACE}}}server"
    root = ET.fromstring(xml)  # noqa: S314  (written by libvirt, which parsed it itself)
    alone = root.tag in (tag, "server")  # libvirt hands the element out without its namespace
    element = root if alone else root.find(f"metadata/{tag}")
    if element is None or not element.get("fence", "").isdigit():
        return None
    name = element.get("name", "").encode("ascii", "replace").decode("unicode_escape", "replace")
    return Marker(int(element.get("fence", "")), element.get("project", ""), name)


def read_taps(xml: str) -> list[str]:
    """The host-side devices of a domain's interfaces."""
    targets = ET.fromstring(xml).iterfind("devices/interface/target")  # noqa: S314  (as above)
    return [name for name in (target.get("dev") for target in targets) if name]


def _marker_element(marker: Marker, tag: str) -> ET.Element:
    """The name is written with Python's unicode escapes: XML cannot carry every character a user may
    choose.
    """
    element = ET.Element(tag)
    element.set("fence", str(marker.fence))
    element.set("project", marker.project_id)
    element.set("name", marker.name.encode("unicode_escape").decode("ascii"))
    return element


def _sysinfo(root: ET.Element, guest: GuestSpec) -> None:
    """cloud-init takes the metadata service for OpenStack's only when SMBIOS names this product."""
    system = ET.SubElement(ET.SubElement(root, "sysinfo", type="smbios"), "system")
    entries = {
        "manufacturer": "OpenStack Foundation",
        "product": "OpenStack Nova",
        "serial": guest.server_id,
        "uuid": guest.server_id,
        "family": "Virtual Machine",
    }
    for name, value in entries.items():
        _text(system, "entry", value, name=name)


def _features(root: ET.Element, guest: GuestSpec, host: Host) -> None:
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    if host.kvm:
        ET.SubElement(root, "cpu", mode="host-passthrough", check="none", migratable="on")
        return
    # Without a bound QEMU's cache of translated code grows to 1 GiB a guest.
    cache = 32 if guest.ram_mb <= 256 else 128
    _text(ET.SubElement(features, "tcg"), "tb-cache", str(cache), unit="MiB")
    # Nehalem is x86-64-v2, which today's distributions want; it boots no slower than qemu64.
    _text(ET.SubElement(root, "cpu", mode="custom", match="exact"), "model", "Nehalem")


def _disk(devices: ET.Element, disk: Disk, host: Host) -> None:
    if disk.cdrom:
        _cdrom(devices, disk, host)
        return
    element = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(element, "driver", name="qemu", type=disk.format, cache=host.cache, discard="unmap",
                  error_policy="stop", rerror_policy="stop")  # fmt: skip
    ET.SubElement(element, "source", file=str(disk.path))
    ET.SubElement(element, "target", dev=disk.target, bus="virtio")


def _cdrom(devices: ET.Element, disk: Disk, host: Host) -> None:
    """On the machine's IDE: the kernels of small guests have no driver for SATA."""
    element = ET.SubElement(devices, "disk", type="file", device="cdrom")
    ET.SubElement(element, "driver", name="qemu", type=disk.format, cache=host.cache)
    ET.SubElement(element, "source", file=str(disk.path))
    ET.SubElement(element, "target", dev=disk.target, bus="ide")
    ET.SubElement(element, "readonly")


def _interface(devices: ET.Element, nic: Nic, host: Host) -> None:
    element = ET.SubElement(devices, "interface", type="bridge")
    ET.SubElement(element, "mac", address=nic.mac)
    ET.SubElement(element, "source", bridge=nic.bridge)
    ET.SubElement(element, "target", dev=nic.tap)
    ET.SubElement(element, "model", type="virtio")
    if not host.kvm:
        ET.SubElement(element, "driver", name="qemu")  # vhost-net gains nothing under emulation
    ET.SubElement(element, "mtu", size=str(nic.mtu))


def _small_devices(devices: ET.Element, console: Path) -> None:
    """Serial console into a file that survives restarts, a screen, entropy, and nothing that a server does not need."""
    serial = ET.SubElement(devices, "serial", type="file")
    ET.SubElement(serial, "source", path=str(console), append="on")
    ET.SubElement(serial, "target", port="0")
    graphics = ET.SubElement(devices, "graphics", type="vnc")
    ET.SubElement(graphics, "listen", type="none")  # opened through libvirt only, as a descriptor
    ET.SubElement(ET.SubElement(devices, "video"), "model", type="vga", vram="8192", heads="1")
    rng = ET.SubElement(devices, "rng", model="virtio")
    _text(rng, "backend", "/dev/urandom", model="random")
    ET.SubElement(devices, "memballoon", model="none")
    ET.SubElement(devices, "controller", type="usb", model="none")
    ET.SubElement(devices, "input", type="keyboard", bus="ps2")


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text
