"""os-hypervisors: the compute hosts with what they have and what is claimed on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.route import ADMIN, Route, Rule
from iaas.api.schema import as_bool
from iaas.compute import daemons
from iaas.compute.daemons import Hypervisor
from iaas.compute.service import Compute
from iaas.errors import Invalid, NotFound, Unsupported

UUIDS = "2.53"
WITHOUT_AMOUNTS = "2.88"


def list_hypervisors(call: Call[Compute]) -> dict[str, Any]:
    return _list(call, detailed=False)


def list_details(call: Call[Compute]) -> dict[str, Any]:
    return _list(call, detailed=True)


def show_hypervisor(call: Call[Compute]) -> dict[str, Any]:
    item = _find(call, _with_servers(call))
    return {"hypervisor": _full(call, item, _with_servers(call))}


def statistics(call: Call[Compute]) -> dict[str, Any]:
    found = [item.node for item in daemons.hypervisors(call.services) if item.service and not item.service.disabled]
    totals = {name: sum(_amounts(node)[name] for node in found) for name in _AMOUNTS}
    return {"hypervisor_statistics": {"count": len(found), **totals}}


def uptime(call: Call[Compute]) -> None:
    _find(call, False)
    raise Unsupported("The uptime of a host is not known.")


def search(call: Call[Compute]) -> dict[str, Any]:
    found = _matching(daemons.hypervisors(call.services), call.path["pattern"])
    return {"hypervisors": [_brief(call, item, False) for item in found]}


def servers(call: Call[Compute]) -> dict[str, Any]:
    found = _matching(daemons.hypervisors(call.services, with_servers=True), call.path["pattern"])
    return {"hypervisors": [{**_brief(call, item, False), **_guests(item)} for item in found]}


def _matching(found: Sequence[Hypervisor], pattern: str) -> list[Hypervisor]:
    """Raises NotFound when none does."""
    matching = [item for item in found if pattern.lower() in item.node.hypervisor_hostname.lower()]
    if not matching:
        raise NotFound(f"No hypervisor matching '{pattern[:64]}' could be found.")
    return matching


def _guests(item: Hypervisor) -> dict[str, Any]:
    """Until 2.74 a host without servers has no such key."""
    shown = [{"uuid": id, "name": name} for id, name in item.servers]
    return {"servers": shown} if shown else {}


def _list(call: Call[Compute], detailed: bool) -> dict[str, Any]:
    with_servers = _with_servers(call)
    found, more = _page(call, daemons.hypervisors(call.services, with_servers))
    shown = [(_full if detailed else _brief)(call, item, with_servers) for item in found]
    answer: dict[str, Any] = {"hypervisors": shown}
    if more:
        answer["hypervisors_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].node.id)}]
    return answer


def _page(call: Call[Compute], found: Sequence[Hypervisor]) -> tuple[Sequence[Hypervisor], bool]:
    if call.at_least(UUIDS) and (pattern := call.query.get("hypervisor_hostname_pattern")):
        return _matching(found, pattern), False
    if not call.at_least("2.33"):
        return found, False
    page = paging.page(call.query, {}, ())
    if page.marker is not None:
        ids = [str(_id(call, item)) for item in found]
        if page.marker not in ids:
            raise Invalid(f"marker [{page.marker[:64]}] not found", field="marker")
        found = found[ids.index(page.marker) + 1 :]
    return found[: page.limit], len(found) > page.limit


def _find(call: Call[Compute], with_servers: bool) -> Hypervisor:
    for item in daemons.hypervisors(call.services, with_servers):
        if str(_id(call, item)) == call.path["id"]:
            return item
    raise NotFound(f"Hypervisor with ID '{call.path['id'][:64]}' could not be found.")


def _with_servers(call: Call[Compute]) -> bool:
    return call.at_least(UUIDS) and as_bool(call.query.get("with_servers", "false"))


def _id(call: Call[Compute], item: Hypervisor) -> str | int:
    return item.node.id if call.at_least(UUIDS) else int(item.node.id[:7], 16)


def _brief(call: Call[Compute], item: Hypervisor, with_servers: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": _id(call, item),
        "hypervisor_hostname": item.node.hypervisor_hostname,
        "state": "up" if item.up else "down",
        "status": "disabled" if item.service is None or item.service.disabled else "enabled",
    }
    if with_servers:
        shown |= {"servers": []} if call.at_least("2.75") else {}
        shown |= _guests(item)
    return shown


def _full(call: Call[Compute], item: Hypervisor, with_servers: bool) -> dict[str, Any]:
    node, service = item.node, item.service
    shown: dict[str, Any] = {
        **_brief(call, item, with_servers),
        "hypervisor_type": node.hypervisor_type,
        "hypervisor_version": node.hypervisor_version,
        "host_ip": node.host_ip,
        "service": {
            "id": (service.id if call.at_least(UUIDS) else int(service.id[:7], 16)) if service else None,
            "host": node.host,
            "disabled_reason": service.disabled_reason if service else None,
        },
    }
    if call.at_least(WITHOUT_AMOUNTS):
        return {**shown, "uptime": None}
    cpu = {"arch": node.cpu_arch} if call.at_least("2.28") else f'{{"arch": "{node.cpu_arch}"}}'
    return {**shown, **_amounts(node), "cpu_info": cpu}


_AMOUNTS = (
    "vcpus", "vcpus_used", "memory_mb", "memory_mb_used", "free_ram_mb", "local_gb", "local_gb_used", "free_disk_gb",
    "disk_available_least", "running_vms", "current_workload",
)  # fmt: skip


def _amounts(node: Any) -> dict[str, int]:
    """MiB and GiB, before overcommit; used is what is claimed."""
    return {
        "vcpus": node.vcpus,
        "vcpus_used": node.vcpus_used,
        "memory_mb": node.ram_mb,
        "memory_mb_used": node.ram_mb_used,
        "free_ram_mb": node.ram_mb - node.ram_mb_used,
        "local_gb": node.disk_gb,
        "local_gb_used": node.disk_gb_used,
        "free_disk_gb": node.disk_gb - node.disk_gb_used,
        "disk_available_least": node.disk_gb - node.disk_gb_used,
        "running_vms": node.servers,
        "current_workload": 0,
    }


_PATH = "/v2.1/os-hypervisors"
_RULE = "os_compute_api:os-hypervisors:"
ROUTES = (
    Route("GET", _PATH, list_hypervisors, policy=Rule(_RULE + "list", ADMIN)),
    Route("GET", _PATH + "/detail", list_details, policy=Rule(_RULE + "list-detail", ADMIN)),
    Route("GET", _PATH + "/statistics", statistics, policy=Rule(_RULE + "statistics", ADMIN), until="2.87"),
    Route("GET", _PATH + "/<id>", show_hypervisor, policy=Rule(_RULE + "show", ADMIN)),
    Route("GET", _PATH + "/<id>/uptime", uptime, policy=Rule(_RULE + "uptime", ADMIN), until="2.87"),
    Route("GET", _PATH + "/<pattern>/search", search, policy=Rule(_RULE + "search", ADMIN), until="2.52"),
    Route("GET", _PATH + "/<pattern>/servers", servers, policy=Rule(_RULE + "servers", ADMIN), until="2.52"),
)
