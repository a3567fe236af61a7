"""The XML of a guest that goes elsewhere: that host's files and address, and nothing else changed."""

from iaas.compute.virt.libvirt import migration_xml

XML = (
    '<domain><name>x</name><metadata><m:server xmlns:m="https://iaas.invalid/domain/1" fence="7"/></metadata><devices>'
    '<disk type="file"><source file="/here/i/disk"/><target dev="vda"/></disk>'
    '<disk type="network"><source protocol="nbd" name="e"><host name="192.0.2.1"/></source><target dev="vdb"/></disk>'
    '<disk type="file"><source file="/here/i/swap"/><target dev="vdc"/></disk>'
    '<disk type="file"><source file="/here/i2/disk"/><target dev="vdd"/></disk>'
    '<serial type="file"><source path="/here/i/console.log"/></serial>'
    '<graphics type="vnc" listen="192.0.2.1"><listen type="address" address="192.0.2.1"/></graphics>'
    "</devices></domain>"
)


def test_paths_and_listeners_are_the_other_hosts() -> None:
    text = migration_xml.elsewhere(XML, ("/here/i", "/there/i"), ("192.0.2.1", "192.0.2.2"))
    for part in ("/there/i/disk", "/there/i/swap", "/there/i/console.log", "/here/i2/disk", 'fence="7"'):
        assert part in text
    assert text.count("192.0.2.2") == 2
    assert 'name="192.0.2.1"' in text, "a volume host stays where it is"


def test_the_disks_that_go_along_are_those_of_the_directory() -> None:
    assert migration_xml.disks_below(XML, "/here/i") == ["vda", "vdc"]
