"""Which further properties an image may have: names, values and how many (S-025).

Free ones are text without control characters. The published ones that a hypervisor acts on are checked against
what they can mean, so that nothing strange ever reaches a guest's definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from iaas.errors import Invalid, TooLarge

MAX_PROPERTIES = 128
MAX_TAGS = 128
MAX_MEMBERS = 128
MAX_VALUE = 65535  # characters
MAX_ALL = 128 * 1024  # characters of all names and values of one image: lists of a thousand images lie in memory
RESERVED = frozenset({"location", "locations", "deleted", "deleted_at", "direct_url", "stores"})
OURS = "os_glance_"  # properties of this name are made by the service, for reading

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:. -]{0,254}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_BOOLEAN = frozenset({"true", "false", "True", "False", "yes", "no", "1", "0"})
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,64}")

_KNOWN: Mapping[str, frozenset[str] | re.Pattern[str]] = {
    "hw_disk_bus": frozenset({"virtio", "scsi", "ide", "sata", "usb", "fdc", "uml", "xen", "lxc", "none"}),
    "hw_cdrom_bus": frozenset({"virtio", "scsi", "ide", "sata", "usb", "fdc", "xen"}),
    "hw_scsi_model": frozenset(
        {"virtio-scsi", "lsilogic", "lsisas1068", "lsisas1078", "buslogic", "ibmvscsi", "vmpvscsi"}
    ),
    "hw_vif_model": frozenset(
        {
            "virtio",
            "e1000",
            "e1000e",
            "ne2k_pci",
            "pcnet",
            "rtl8139",
            "igb",
            "lan9118",
            "netfront",
            "spapr-vlan",
            "sriov",
            "vmxnet",
            "vmxnet3",
        }
    ),
    "hw_video_model": frozenset({"vga", "cirrus", "vmvga", "xen", "qxl", "gop", "virtio", "none", "bochs"}),
    "hw_rng_model": frozenset({"virtio"}),
    "hw_watchdog_action": frozenset({"disabled", "reset", "poweroff", "pause", "none"}),
    "hw_firmware_type": frozenset({"bios", "uefi"}),
    "hw_pointer_model": frozenset({"usbtablet"}),
    "hw_qemu_guest_agent": _BOOLEAN,
    "hw_vif_multiqueue_enabled": _BOOLEAN,
    "hw_boot_menu": _BOOLEAN,
    "os_require_quiesce": _BOOLEAN,
    "os_secure_boot": frozenset({"required", "disabled", "optional"}),
    "img_config_drive": frozenset({"mandatory", "optional"}),
    "vm_mode": frozenset({"hvm", "xen", "uml", "exe"}),
    "hw_machine_type": re.compile(r"[A-Za-z0-9_.=,+-]{1,128}"),
    "hypervisor_type": _WORD,
    "img_hv_type": _WORD,
    "architecture": _WORD,
    "os_type": _WORD,
    "os_distro": _WORD,
    "hw_cpu_sockets": _NUMBER,
    "hw_cpu_cores": _NUMBER,
    "hw_cpu_threads": _NUMBER,
    "hw_serial_port_count": _NUMBER,
    "hw_video_ram": _NUMBER,
    "os_shutdown_timeout": _NUMBER,
    "kernel_id": _UUID,
    "ramdisk_id": _UUID,
    "instance_uuid": _UUID,
}


def checked(properties: Mapping[str, str]) -> dict[str, str]:
    """The properties, if all are acceptable. Raises Invalid naming the field, TooLarge when there are too many."""
    if len(properties) > MAX_PROPERTIES:
        raise TooLarge(
            "The limit has been exceeded on the number of allowed image properties. "
            f"Attempted: {len(properties)}, Maximum: {MAX_PROPERTIES}"
        )
    size = sum(len(name) + len(value) for name, value in properties.items())
    if size > MAX_ALL:
        raise TooLarge(
            f"The limit has been exceeded on the size of all image properties. Attempted: {size}, Maximum: {MAX_ALL}"
        )
    for name, value in properties.items():
        check(name, value)
    return dict(properties)


def check(name: str, value: str) -> None:
    """Raises Invalid for a name or value that can't be."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"Property name {name[:64]!r} is not allowed.", field=name[:64])
    if len(value) > MAX_VALUE or _CONTROL.search(value):
        raise Invalid(f"Property {name} is too long or has control characters.", field=name)
    rule = _KNOWN.get(name)
    if rule is None:
        return
    fits = rule.fullmatch(value) is not None if isinstance(rule, re.Pattern) else value in rule
    if not fits:
        raise Invalid(f"Property {name} can't be {value[:64]!r}.", field=name)


def words(name: str) -> list[str]:
    """All that the property may say, in order; of one that may say only certain words."""
    rule = _KNOWN[name]
    assert isinstance(rule, frozenset)
    return sorted(rule)


def is_plain(text: str) -> bool:
    """Whether the text has no control characters."""
    return _CONTROL.search(text) is None


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, each once, in order. Raises Invalid or TooLarge."""
    unique = tuple(dict.fromkeys(tags))
    if len(unique) > MAX_TAGS:
        raise TooLarge(
            "The limit has been exceeded on the number of allowed image tags. "
            f"Attempted: {len(unique)}, Maximum: {MAX_TAGS}"
        )
    for tag in unique:
        if not 0 < len(tag) <= 255 or _CONTROL.search(tag):
            raise Invalid("A tag has 1 to 255 characters and no control characters.", field="tags")
    return unique
