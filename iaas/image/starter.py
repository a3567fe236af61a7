"""The metadata definitions that a cloud begins with: what this platform itself reads or checks, and no more.

Planted once, by ``iaas-manage bootstrap``; from then on they are the operator's, whose changes and deletions stay. The
words that a property may have come from the check that the image API makes, so the two can't disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.db.engine import Database, Tx
from iaas.db.image.metadefs import namespaces
from iaas.image import metadefs
from iaas.image.properties import words

IMAGE, VOLUME, FLAVOR = "OS::Glance::Image", "OS::Cinder::Volume", "OS::Nova::Flavor"
AGGREGATE, SERVER = "OS::Nova::Aggregate", "OS::Nova::Server"


def plant(database: Database) -> list[str]:
    """The names of the namespaces that it made: none when the cloud has any already."""

    def work(tx: Tx) -> list[str]:
        if namespaces.any_exist(tx):
            return []
        return [metadefs.create(tx, document, owner=None).namespace.name for document in CATALOG]

    return database.run(work)


def _text(title: str, description: str, enum: str = "", **more: Any) -> dict[str, Any]:
    """``enum``: the property whose words, as checked by the image API, are the choice."""
    choice = {"enum": words(enum)} if enum else {}
    return {"title": title, "description": description, "type": "string", **choice, **more}


def _number(title: str, description: str, minimum: int = 0) -> dict[str, Any]:
    return {"title": title, "description": description, "type": "integer", "minimum": minimum}


def _flag(title: str, description: str) -> dict[str, Any]:
    return {"title": title, "description": description, "type": "boolean"}


def _namespace(
    name: str, title: str, description: str, *types: str | Mapping[str, str], **content: Any
) -> dict[str, Any]:
    associations = [{"name": item} if isinstance(item, str) else dict(item) for item in types]
    return {
        "namespace": name,
        "display_name": title,
        "description": description,
        "visibility": "public",
        "protected": True,
        "resource_type_associations": associations,
        **content,
    }


CATALOG: tuple[dict[str, Any], ...] = (
    _namespace(
        "OS::Compute::Hypervisor",
        "Host selection",
        "On which hosts a server of the image can run. The scheduler leaves out every host that does not fit.",
        IMAGE,
        {"name": VOLUME, "properties_target": "image"},
        properties={
            "architecture": _text("Architecture", "Processor that the system in the image was built for: x86_64, i686, "
                                  "aarch64 or armv7l. A 64-bit host also takes its 32-bit relative."),
            "hypervisor_type": _text("Hypervisor", "What runs the server: kvm or qemu."),
            "vm_mode": _text("Machine mode", "How the guest meets the machine. The hosts have hvm.", "vm_mode"),
            "hypervisor_version_requires": _text("Hypervisor version", "Versions of the hypervisor that will do, as "
                                                 "conditions with commas between them: >=6.0, <9."),
        },
    ),
    _namespace(
        "OS::Compute::GuestDevices",
        "Guest devices",
        "Devices that an image may ask for. The image service refuses words that no hypervisor knows and keeps the "
        "rest for hypervisors that offer a choice; the hosts of this release give every guest virtio devices.",
        {"name": IMAGE, "prefix": "hw_"},
        {"name": VOLUME, "prefix": "hw_", "properties_target": "image"},
        properties={
            "disk_bus": _text("Disk bus", "How disks are attached.", "hw_disk_bus"),
            "cdrom_bus": _text("CD bus", "How CD drives are attached.", "hw_cdrom_bus"),
            "scsi_model": _text("SCSI controller", "Model of the controller when the bus is scsi.", "hw_scsi_model"),
            "vif_model": _text("Network card", "Model of the network cards.", "hw_vif_model"),
            "video_model": _text("Video card", "Model of the video card.", "hw_video_model"),
            "video_ram": _number("Video memory", "Memory of the video card in MiB."),
            "rng_model": _text("Random numbers", "Model of the random number device.", "hw_rng_model"),
            "watchdog_action": _text("Watchdog", "What happens when the guest stops answering.", "hw_watchdog_action"),
            "firmware_type": _text("Firmware", "With which firmware the guest starts.", "hw_firmware_type"),
            "machine_type": _text("Machine type", "Machine that the hypervisor shows, by the hypervisor's own name."),
            "qemu_guest_agent": _flag("Guest agent", "Whether the image has the QEMU guest agent."),
            "serial_port_count": _number("Serial ports", "How many serial ports the guest has."),
        },
    ),
    _namespace(
        "OS::Compute::VirtCPUTopology",
        "Processor topology",
        "How the processors of a server are divided into sockets, cores and threads. An image's wish.",
        {"name": IMAGE, "prefix": "hw_"},
        {"name": VOLUME, "prefix": "hw_", "properties_target": "image"},
        {"name": FLAVOR, "prefix": "hw:"},
        properties={
            "cpu_sockets": _number("Sockets", "Preferred number of sockets.", 1),
            "cpu_cores": _number("Cores", "Preferred number of cores in a socket.", 1),
            "cpu_threads": _number("Threads", "Preferred number of threads in a core.", 1),
        },
    ),
    _namespace(
        "OS::Compute::AggregateSpecs",
        "Host aggregates",
        "What a flavor asks of the aggregates that a host is in, and an aggregate says of its hosts. Free names; the "
        "value in a flavor may be a condition.",
        {"name": FLAVOR, "prefix": "aggregate_instance_extra_specs:"},
        AGGREGATE,
        properties={
            "ssd": _text("Solid state disks", "An example of such a name: hosts whose disks are solid state."),
        },
    ),
    _namespace(
        "OS::Glance::CommonImageProperties",
        "About the image",
        "What is in the image, for people who choose one.",
        IMAGE,
        {"name": VOLUME, "properties_target": "image"},
        properties={
            "os_distro": _text("System", "The distribution, in small letters: debian, ubuntu, fedora, windows."),
            "os_version": _text("Version", "The version of the system as its makers write it."),
            "os_type": _text("Kind of system", "The family of the system: linux or windows."),
            "os_admin_user": _text("First user", "The account to log in with after the first start."),
            "kernel_id": _text("Kernel", "Id of the image that holds the kernel of an image without one.",
                               pattern="^[0-9a-fA-F-]{36}$"),
            "ramdisk_id": _text("Ramdisk", "Id of the image that holds the first ramdisk.",
                                pattern="^[0-9a-fA-F-]{36}$"),
        },
        tags=[{"name": "linux"}, {"name": "windows"}, {"name": "container-host"}],
    ),
    _namespace(
        "OS::Glance::Snapshot",
        "Snapshots",
        "Where an image that was made from a server came from. Written by the platform.",
        IMAGE,
        objects=[{
            "name": "Origin",
            "description": "The server behind a snapshot, and the image behind the server.",
            "properties": {
                "instance_uuid": _text("Server", "Id of the server that the image is a snapshot of.", readonly=True),
                "base_image_ref": _text("Image", "Id of the image that the server was made from.", readonly=True),
                "image_type": _text("Kind", "snapshot, or backup for one that is thrown away in turn.", readonly=True),
                "backup_type": _text("Backup", "The row of backups that it belongs to.", readonly=True),
            },
        }],
    ),
    _namespace(
        "OS::Compute::Guest",
        "Guest's wishes",
        "What the system in the image wants from the platform when it starts or stops.",
        IMAGE,
        {"name": SERVER, "properties_target": "image"},
        properties={
            "img_config_drive": _text("Configuration drive", "Whether the guest needs a configuration drive.",
                                      "img_config_drive"),
            "os_require_quiesce": _flag("Quiet snapshots", "Whether a snapshot must wait until the guest holds still."),
            "os_secure_boot": _text("Secure boot", "Whether the firmware checks what it starts.", "os_secure_boot"),
            "os_shutdown_timeout": _number("Time to stop", "Seconds that the guest is given to shut down."),
        },
    ),
)  # fmt: skip
