"""The XML of a guest that goes elsewhere: that host's files and address, and nothing else changed."""

import xml.etree.ElementTree as ET

from iaas.compute.virt.libvirt import migration_xml, volume_xml
from iaas.model.order import VolumeConnection
from tests.unit.compute.virt.test_domain_xml import render, spec

XML = (
    '<domain><name>x</name><metadata><m:server xmlns:m="https://iaas.invalid/domain/1" fence="7"/></metadata><devices>'
    '<disk type="file" device="disk"><source file="/here/i/disk"/><target dev="vda"/></disk>'
    '<disk type="network" device="disk"><source protocol="nbd" name="e"><host name="192.0.2.1"/></source>'
    '<target dev="vdb"/></disk>'
    '<disk type="file" device="disk"><source file="/here/i/swap"/><target dev="vdc"/></disk>'
    '<disk type="file" device="disk"><source file="/here/i2/disk"/><target dev="vdd"/></disk>'
    '<disk type="file" device="cdrom"><source file="/here/i/config"/><target dev="hda"/></disk>'
    '<serial type="file"><source path="/here/i/console.log"/></serial>'
    '<graphics type="vnc" listen="192.0.2.1"><listen type="address" address="192.0.2.1"/></graphics>'
    "</devices></domain>"
)


def test_paths_and_listeners_are_the_other_hosts() -> None:
    text = migration_xml.elsewhere(XML, ("/here/i", "/there/i"), ("192.0.2.1", "192.0.2.2"))
    for name in ("disk", "swap", "config", "console.log"):
        assert f"/there/i/{name}" in text
    assert "/here/i2/disk" in text and 'fence="7"' in text
    assert text.count("192.0.2.2") == 2
    assert 'name="192.0.2.1"' in text, "a volume host stays where it is"


def test_the_disks_that_go_along_are_those_of_the_directory_but_no_cdrom() -> None:
    assert migration_xml.disks_below(XML, "/here/i") == ["vda", "vdc"]


def test_each_disk_has_over_there_the_format_that_it_has_here() -> None:
    """S-014: what a guest wrote onto a raw disk is looked at by neither hypervisor."""
    here = render(spec())
    volume = VolumeConnection(
        volume_id="v", attachment_id="a", device="vdc", size_gb=1, address="192.0.2.9", port=10809, export="e"
    )
    here.find("devices").append(volume_xml.element(volume))  # type: ignore[union-attr]
    there = migration_xml.elsewhere(ET.tostring(here, encoding="unicode"), ("/s", "/t"), ("192.0.2.1", "192.0.2.2"))
    found = [driver.get("type") for driver in ET.fromstring(there).findall("devices/disk/driver")]
    assert found == [driver.get("type") for driver in here.findall("devices/disk/driver")] == ["qcow2", "raw", "raw"]
