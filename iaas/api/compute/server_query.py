"""The query of GET /servers as a filter. Filters that only administrators have are ignored for others (S-055)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.schema import as_bool
from iaas.compute.service import Compute
from iaas.db.compute.server_lists import Wanted
from iaas.errors import Forbidden, Invalid
from iaas.model.order import Power
from iaas.model.server import State, Task, states_of

# query key -> column, and the microversion since which everybody may use it (None: administrators only)
_EQUAL: Mapping[str, tuple[str, int | None]] = {
    "image": ("image_id", 1), "flavor": ("flavor_id", 1), "reservation_id": ("reservation_id", 1), "uuid": ("id", 1),
    "key_name": ("key_name", 83), "availability_zone": ("availability_zone", 83), "user_id": ("user_id", 83),
    "vm_state": ("state", 83), "task_state": ("task", 83), "power_state": ("power", 83),
    "config_drive": ("config_drive", 83), "host": ("host", None), "node": ("node", None),
    "hypervisor_hostname": ("node", None), "hostname": ("hostname", None), "launch_index": ("launch_index", None),
    "description": ("description", None),
}  # fmt: skip
_OTHERS = {
    "name", "display_name", "status", "ip", "ip6", "changes-since", "changes-before", "all_tenants", "deleted",
    "project_id", "tenant_id", "limit", "marker", "sort_key", "sort_dir", "tags", "tags-any", "not-tags",
    "not-tags-any", "locked", "access_ip_v4", "access_ip_v6", "auto_disk_config", "created_at", "instance_name",
    "kernel_id", "launched_at", "locked_by", "progress", "ramdisk_id", "root_device_name", "soft_deleted",
    "terminated_at", "display_description", "cell_name", "cleaned",
}  # fmt: skip
# Known to the published API, but about nothing that differs between our servers.
_CONSTANT = {"progress": "0", "access_ip_v4": "", "access_ip_v6": "", "kernel_id": "", "ramdisk_id": ""}
STRICT = 75  # unknown keys are refused since


def wanted(call: Call[Compute], all_tenants: str) -> tuple[Wanted, str | None]:
    """The filter, and the start of an IP address if one was asked for. Raises Invalid, Forbidden."""
    query, minor = call.query, call.version.minor if call.version else 1
    if minor >= STRICT and (strange := sorted(set(query) - set(_EQUAL) - _OTHERS)):
        raise Invalid(f"Additional properties are not allowed ({strange[0][:64]!r} was unexpected)")
    privileged = call.allows(rules.ALL_FILTERS.name)
    everybody = _flag(query.get("all_tenants"))
    if everybody and not call.allows(all_tenants):
        raise Forbidden(f"Policy doesn't allow {all_tenants} to be performed.")
    project = call.context.owner
    if everybody:
        project = query.get("project_id") or query.get("tenant_id")  # type: ignore[assignment]
    since, before = (
        paging.moment(query, "changes-since"),
        paging.moment(query, "changes-before") if minor >= 66 else None,
    )
    return Wanted(
        project_id=project,
        deleted=_deleted(query, privileged, since or before),
        equal=_equal(query, minor, privileged),
        name=query.get("name") or query.get("display_name"),
        statuses=_statuses(call, minor),
        changes_since=since,
        changes_before=before,
        tags=_tags(query, "tags", minor),
        tags_any=_tags(query, "tags-any", minor),
        not_tags=_tags(query, "not-tags", minor),
        not_tags_any=_tags(query, "not-tags-any", minor),
    ), _address(query, minor, privileged)


def _flag(text: str | None) -> bool:
    """``all_tenants`` alone means yes."""
    return text is not None and (text == "" or as_bool(text))


def _deleted(query: Mapping[str, str], privileged: bool, changes: datetime | None) -> bool | None:
    """A question for changes is also about what vanished."""
    if privileged and "deleted" in query:
        return as_bool(query["deleted"])
    return None if changes else False


def _equal(query: Mapping[str, str], minor: int, privileged: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, (column, since) in _EQUAL.items():
        if key in query and (privileged or (since is not None and minor >= since)):
            found[column] = _value(key, query[key])
    for key, value in _CONSTANT.items():
        if privileged and query.get(key, value) != value:
            found["id"] = ""
    if minor >= 73 and "locked" in query:
        found["locked"] = as_bool(query["locked"])
    return found


def _value(key: str, text: str) -> Any:
    if key == "config_drive":
        return bool(text) and as_bool(text)
    if key in ("launch_index", "power_state"):
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise Invalid(f"{key} must be a number.", field=key)
        numbers = {power.number: power.value for power in Power}
        return int(text) if key == "launch_index" else numbers.get(int(text), "")
    if key in ("image", "flavor"):
        return text.rstrip("/").rpartition("/")[2]
    return text


def _statuses(call: Call[Compute], minor: int) -> list[tuple[State, Task | None]] | None:
    asked = [text for text in call.query_lists.get("status", ()) if text]
    if not asked:
        return None
    found: list[tuple[State, Task | None]] = []
    for text in asked:
        pairs = states_of(text)
        if pairs is None and minor >= 38:
            raise Invalid(f"Invalid status value {text[:32]!r}", field="status")
        if pairs and pairs[0][0] is State.DELETED and not call.context.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        found += pairs or []
    return found


def _tags(query: Mapping[str, str], key: str, minor: int) -> list[str]:
    if minor < 26 or not query.get(key):
        return []
    found = query[key].split(",")
    if len(found) > 50:
        raise Invalid("Too many tags.", field=key)
    return found


def _address(query: Mapping[str, str], minor: int, privileged: bool) -> str | None:
    text = query.get("ip") or (query.get("ip6") if minor >= 5 or privileged else None)
    if not text:
        return None
    plain = text.removeprefix("^").removesuffix("$").replace("\\", "")
    if not plain or len(plain) > 45 or set(plain) - set("0123456789abcdefABCDEF.:"):
        raise Invalid("The address filter is an address or the start of one.", field="ip")
    return plain
