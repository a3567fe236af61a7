"""The domain XML without a libvirt: names stay names, and nothing unwanted is in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from iaas.compute.virt.driver import Disk
from iaas.compute.virt.libvirt import domain_xml
from iaas.compute.virt.libvirt.domain_xml import Host, Marker
from iaas.model.order import GuestSpec, Nic

SERVER = "0f3c2b1a-1111-4222-8333-444455556666"
TCG, KVM = Host(kvm=False), Host(kvm=True)
NIC = Nic(port_id="p1", mac="fa:16:3e:00:00:01", tap="tap0123456789a", bridge="brq0123456789a", mtu=1450)


def spec(name: str = "web", ram_mb: int = 512, nics: tuple[Nic, ...] = (NIC,)) -> GuestSpec:
    return GuestSpec(
        server_id=SERVER, name=name, project_id="proj", user_id="user", flavor="m1", vcpus=2, ram_mb=ram_mb,
        disk_gb=1, ephemeral_gb=0, swap_mb=0, image=None, nics=nics,
    )  # fmt: skip


def render(guest: GuestSpec, host: Host = TCG, marker: Marker | None = None) -> ET.Element:
    disks = (Disk(target="vda", path=Path("/s/disk"), format="qcow2"),
             Disk(target="vdb", path=Path("/s/ephemeral"), format="raw"))  # fmt: skip
    marker = marker or Marker(4, guest.project_id, guest.name)
    return ET.fromstring(domain_xml.domain(guest, disks, Path("/s/console.log"), marker, host))


@settings(max_examples=1000, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_name_comes_back_equal_and_adds_no_element(name: str) -> None:
    """S-100: a thousand strings, control characters and surrogates included."""
    plain, hostile = render(spec("x")), render(spec(name))
    read = domain_xml.read_marker(ET.tostring(hostile, encoding="unicode"))
    assert read == Marker(4, "proj", name)
    assert [element.tag for element in plain.iter()] == [element.tag for element in hostile.iter()]
    assert domain_xml.read_marker(domain_xml.marker_xml(Marker(9, "proj", name))) == Marker(9, "proj", name)


def test_a_domain_without_or_with_a_broken_marker_is_not_ours() -> None:
    assert domain_xml.read_marker("<domain><metadata/></domain>") is None
    assert domain_xml.read_marker("<domain/>") is None
    assert domain_xml.read_marker("<server fence='x' project='p' name='n'/>") is None


def test_every_disk_names_its_format() -> None:
    """S-014."""
    drivers = render(spec()).findall("devices/disk/driver")
    assert [driver.get("type") for driver in drivers] == ["qcow2", "raw"]


def test_a_cdrom_is_read_only_and_on_ide() -> None:
    disks = (Disk(target="hda", path=Path("/s/config"), format="raw", cdrom=True),)
    root = ET.fromstring(domain_xml.domain(spec(), disks, Path("/s/console.log"), Marker(4, "proj", "web"), TCG))
    (disk,) = root.findall("devices/disk")
    assert (disk.get("type"), disk.get("device")) == ("file", "cdrom") and disk.find("readonly") is not None
    assert {child.tag: child.attrib for child in disk if child.tag in ("source", "target")} == {
        "source": {"file": "/s/config"}, "target": {"dev": "hda", "bus": "ide"}
    }  # fmt: skip
    assert disk.find("driver").get("type") == "raw"  # type: ignore[union-attr]


def test_an_interface_names_tap_bridge_and_mtu() -> None:
    (interface,) = render(spec()).findall("devices/interface")
    found = {child.tag: child.attrib for child in interface}
    assert found["mac"] == {"address": NIC.mac}
    assert found["source"] == {"bridge": NIC.bridge}
    assert found["target"] == {"dev": NIC.tap}
    assert found["mtu"] == {"size": "1450"}
    assert domain_xml.read_taps(ET.tostring(render(spec()), encoding="unicode")) == [NIC.tap]


def test_emulation_has_a_bounded_translation_cache() -> None:
    assert render(spec(ram_mb=128)).findtext("features/tcg/tb-cache") == "32"
    assert render(spec(ram_mb=512)).findtext("features/tcg/tb-cache") == "128"
    assert render(spec()).get("type") == "qemu"


def test_kvm_passes_the_host_processor_through() -> None:
    root = render(spec(), KVM)
    assert root.get("type") == "kvm" and root.find("features/tcg") is None
    assert root.find("cpu").get("mode") == "host-passthrough"  # type: ignore[union-attr]


def test_cloud_init_recognises_the_platform() -> None:
    entries = {entry.get("name"): entry.text for entry in render(spec()).findall("sysinfo/system/entry")}
    assert entries["product"] == "OpenStack Nova" and entries["uuid"] == SERVER


def test_a_guest_that_switches_itself_off_stays_defined_and_off() -> None:
    root = render(spec())
    assert [root.findtext(tag) for tag in ("on_poweroff", "on_reboot", "on_crash")] == [
        "destroy", "restart", "destroy",
    ]  # fmt: skip


def test_the_screen_listens_nowhere_and_there_is_no_password() -> None:
    """S-123."""
    root = render(spec())
    graphics = root.findall("devices/graphics")
    assert [ET.tostring(item) for item in graphics] == [b'<graphics type="vnc"><listen type="none" /></graphics>']
    assert "passw" not in ET.tostring(root, encoding="unicode")
