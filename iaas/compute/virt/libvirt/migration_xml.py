"""The XML of a running domain as it must be on another host: the same guest, that host's files and address. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

_LISTENERS = ("graphics", "graphics/listen", "serial/source", "console/source")


def elsewhere(xml: str, directory: tuple[str, str], address: tuple[str, str]) -> str:
    """``directory`` and ``address``: here and there."""
    root = ET.fromstring(xml)  # noqa: S314  (written by libvirt itself)
    for element in root.iter():
        for name in ("file", "path"):
            value = element.get(name, "")
            if value.startswith(f"{directory[0]}/"):
                element.set(name, directory[1] + value.removeprefix(directory[0]))
    for pattern in _LISTENERS:
        for element in root.iterfind(f"devices/{pattern}"):
            for name in ("listen", "address", "host"):
                if element.get(name) == address[0]:
                    element.set(name, address[1])
    return ET.tostring(root, encoding="unicode")


def disks_below(xml: str, directory: str) -> list[str]:
    """The target names of the disks whose files are below the directory, but for CD-ROMs: nobody copies those."""
    return list(_targets(xml, directory))


def _targets(xml: str, directory: str) -> Iterator[str]:
    for disk in ET.fromstring(xml).iterfind("devices/disk[@device='disk']"):  # noqa: S314  (as above)
        source, target = disk.find("source"), disk.find("target")
        if source is None or target is None:
            continue
        if source.get("file", "").startswith(f"{directory}/"):
            yield target.get("dev", "")
