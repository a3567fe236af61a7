"""How a server looks to a client of a microversion. Pure: a value and its details go in, JSON data come out.

Lists of a thousand servers pass here, so what is the same for all of them is worked out once, in ``View``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.microversion import Version
from iaas.compute.servers import Details
from iaas.compute.service import Compute
from iaas.model.flavor import Flavor
from iaas.model.network import Address
from iaas.model.server import Server, State
from iaas.model.volume import Attachment


@lru_cache(maxsize=4096)
def host_id(project_id: str, host: str | None) -> str:
    """The same host looks different to each project, and like no host name."""
    return hashlib.sha224(f"{project_id}{host}".encode()).hexdigest() if host else ""


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat()[:19] + "Z" if moment else None


def _usage(moment: datetime | None) -> str | None:
    return f"{moment.isoformat()[:19]}.{moment.microsecond:06d}" if moment else None


class View:
    """One request's way of showing servers: what its version has and its caller may see."""

    def __init__(self, call: Call[Compute]) -> None:
        version = call.version or Version(2, 1)
        self.minor = version.minor
        self.root = call.base_url
        self.extended = call.allows(rules.EXTENDED.name)
        self.host_status = self.minor >= 16 and call.allows(rules.HOST_STATUS.name)
        self.specs = self.minor >= 47 and call.allows(rules.EXTRA_SPECS.name)
        self.is_admin = call.context.is_admin
        self._flavors: dict[str, dict[str, Any]] = {}

    def brief(self, server: Server) -> dict[str, Any]:
        return {"id": server.id, "name": server.name, "links": self.links("servers", server.id)}

    def links(self, noun: str, id: str) -> list[dict[str, str]]:
        return [
            {"rel": "self", "href": f"{self.root}/v2.1/{noun}/{id}"},
            {"rel": "bookmark", "href": f"{self.root}/{noun}/{id}"},
        ]

    def full(self, server: Server, details: Details) -> dict[str, Any]:
        status = server.status
        shown: dict[str, Any] = {
            "id": server.id,
            "name": server.name,
            "status": status,
            "tenant_id": server.project_id,
            "user_id": server.user_id,
            "metadata": server.metadata,
            "hostId": host_id(server.project_id, server.host),
            "image": self._image(server),
            "flavor": self._flavor(server.flavor),
            "created": _iso(server.created_at),
            "updated": _iso(server.updated_at),
            "addresses": self._addresses(details.addresses.get(server.id, ())),
            "accessIPv4": "",
            "accessIPv6": "",
            "links": self.links("servers", server.id),
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": details.zones.get(server.host or "", server.availability_zone or ""),
            "config_drive": "True" if server.config_drive else "",
            "key_name": server.key_name,
            "OS-SRV-USG:launched_at": _usage(server.launched_at),
            "OS-SRV-USG:terminated_at": _usage(server.terminated_at),
            "OS-EXT-STS:task_state": server.shown_task,
            "OS-EXT-STS:vm_state": server.state.value,
            "OS-EXT-STS:power_state": server.power.number,
            "os-extended-volumes:volumes_attached": self._volumes(details.volumes.get(server.id, ())),
        }
        if status in ("ACTIVE", "BUILD", "REBOOT", "HARD_REBOOT"):
            shown["progress"] = 0
        groups = details.groups.get(server.id)
        if groups:
            shown["security_groups"] = [{"name": name} for name in groups]
        if server.state in (State.ERROR, State.DELETED) and server.fault:
            shown["fault"] = self._fault(server.fault)
        self._later(shown, server, details)
        if self.extended:
            self._attributes(shown, server)
        return shown

    def _later(self, shown: dict[str, Any], server: Server, details: Details) -> None:
        """Fields by the microversion that brought them."""
        if self.minor >= 9:
            shown["locked"] = server.locked
        if self.minor >= 19:
            shown["description"] = server.description
        if self.minor >= 26:
            shown["tags"] = details.tags.get(server.id, [])
        if self.minor >= 63:
            shown["trusted_image_certificates"] = None
        if self.minor >= 73:
            shown["locked_reason"] = server.locked_reason
        if self.host_status:
            shown["host_status"] = self._host_status(server, details)

    def _attributes(self, shown: dict[str, Any], server: Server) -> None:
        """What only administrators see (S-071)."""
        shown["OS-EXT-SRV-ATTR:host"] = server.host
        shown["OS-EXT-SRV-ATTR:instance_name"] = f"iaas-{server.id[:8]}"
        shown["OS-EXT-SRV-ATTR:hypervisor_hostname"] = server.node
        if self.minor >= 3:
            shown["OS-EXT-SRV-ATTR:reservation_id"] = server.reservation_id
            shown["OS-EXT-SRV-ATTR:launch_index"] = server.launch_index
            shown["OS-EXT-SRV-ATTR:hostname"] = server.hostname
            shown["OS-EXT-SRV-ATTR:kernel_id"] = ""
            shown["OS-EXT-SRV-ATTR:ramdisk_id"] = ""
            shown["OS-EXT-SRV-ATTR:root_device_name"] = "/dev/vda"
            shown["OS-EXT-SRV-ATTR:user_data"] = server.user_data

    def _image(self, server: Server) -> Any:
        if not server.image_id:
            return ""
        href = f"{self.root}/images/{server.image_id}"
        return {"id": server.image_id, "links": [{"rel": "bookmark", "href": href}]}

    def _flavor(self, flavor: Flavor) -> dict[str, Any]:
        if self.minor < 47:
            href = f"{self.root}/flavors/{flavor.id}"
            return {"id": flavor.id, "links": [{"rel": "bookmark", "href": href}]}
        shown = {
            "vcpus": flavor.vcpus,
            "ram": flavor.ram_mb,
            "disk": flavor.disk_gb,
            "ephemeral": flavor.ephemeral_gb,
            "swap": flavor.swap_mb,
            "original_name": flavor.name,
        }
        if self.specs:
            shown["extra_specs"] = flavor.extra_specs
        return shown

    def _addresses(self, addresses: Sequence[Address]) -> dict[str, list[dict[str, Any]]]:
        shown: dict[str, list[dict[str, Any]]] = {}
        for item in addresses:
            shown.setdefault(item.network_name, []).append(
                {
                    "addr": item.ip,
                    "version": item.version,
                    "OS-EXT-IPS:type": item.kind,
                    "OS-EXT-IPS-MAC:mac_addr": item.mac,
                }
            )
        return shown

    def _volumes(self, attachments: Sequence[Attachment]) -> list[dict[str, Any]]:
        if self.minor < 3:
            return [{"id": item.volume_id} for item in attachments]
        return [{"id": item.volume_id, "delete_on_termination": item.delete_on_termination} for item in attachments]

    def _fault(self, fault: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {name: fault[name] for name in ("code", "created", "message") if name in fault}
        if self.is_admin and fault.get("details"):
            shown["details"] = fault["details"]
        return shown

    def _host_status(self, server: Server, details: Details) -> str:
        if not server.host:
            return ""
        service = details.services.get(server.host)
        if service is None:
            return "UNKNOWN"
        if service.forced_down:
            return "DOWN"
        if not service.is_up(details.now):
            return "UNKNOWN"
        return "MAINTENANCE" if service.disabled else "UP"
