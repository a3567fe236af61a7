"""Flavors: list, show, and their management by administrators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api import paging
from iaas.api.call import Call
from iaas.api.compute import rules
from iaas.api.route import ADMIN, ANY, Route, Rule
from iaas.api.schema import BOOLEAN, as_bool, obj
from iaas.compute import flavors
from iaas.compute.service import Compute
from iaas.db.compute.flavors import SORT_KEYS
from iaas.errors import Invalid
from iaas.ids import new_uuid
from iaas.model.flavor import Flavor

MAX = 2**31 - 1
_AMOUNT = {"type": ["integer", "string"], "pattern": "^[0-9]{1,10}$", "minimum": 0, "maximum": MAX}
_POSITIVE = {**_AMOUNT, "pattern": "^[1-9][0-9]{0,9}$", "minimum": 1}
_ID = {"type": ["string", "integer", "null"], "pattern": r"^[a-zA-Z0-9. _-]*$", "maxLength": 255}
_TEXT = {"type": ["string", "null"], "maxLength": 65535}
_FACTOR = {"type": ["number", "string"], "pattern": r"^[0-9]+(\.[0-9]+)?$", "minimum": 0.001, "maximum": 3.4e38}
CREATE = obj({"flavor": obj({
    "name": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^\S(.*\S)?$"},
    "id": _ID, "ram": _POSITIVE, "vcpus": _POSITIVE, "disk": _AMOUNT, "OS-FLV-EXT-DATA:ephemeral": _AMOUNT,
    "swap": _AMOUNT, "rxtx_factor": _FACTOR, "os-flavor-access:is_public": BOOLEAN, "description": _TEXT,
}, ("name", "ram", "vcpus", "disk"))}, ("flavor",))  # fmt: skip
UPDATE = obj({"flavor": obj({"description": _TEXT}, ("description",))}, ("flavor",))


def list_flavors(call: Call[Compute]) -> dict[str, Any]:
    found, links = _page(call)
    return {"flavors": [brief(call, flavor) for flavor in found], **links}


def list_details(call: Call[Compute]) -> dict[str, Any]:
    found, links = _page(call)
    return {"flavors": [full(call, flavor) for flavor in found], **links}


def show_flavor(call: Call[Compute]) -> dict[str, Any]:
    return {"flavor": full(call, flavors.get(call.services, call.context, call.path["id"]))}


def create_flavor(call: Call[Compute]) -> dict[str, Any]:
    body = call.body["flavor"]
    if "description" in body and not call.at_least("2.55"):
        raise Invalid("Additional properties are not allowed ('description' was unexpected)", field="description")
    given = str(body.get("id") or "auto").strip()
    flavor = Flavor(
        id=new_uuid() if given == "auto" else given,
        name=body["name"],
        description=body.get("description"),
        ram_mb=_number(body["ram"]),
        vcpus=_number(body["vcpus"]),
        disk_gb=_number(body["disk"]),
        ephemeral_gb=_number(body.get("OS-FLV-EXT-DATA:ephemeral", 0)),
        swap_mb=_number(body.get("swap", 0)),
        rxtx_factor=float(body.get("rxtx_factor", 1.0)),
        is_public=as_bool(body.get("os-flavor-access:is_public", True)),
    )
    return {"flavor": full(call, flavors.create(call.services, flavor))}


def update_flavor(call: Call[Compute]) -> dict[str, Any]:
    return {"flavor": full(call, flavors.update(call.services, call.path["id"], call.body["flavor"]))}


def delete_flavor(call: Call[Compute]) -> None:
    flavors.delete(call.services, call.path["id"])


def brief(call: Call[Compute], flavor: Flavor) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": flavor.id, "name": flavor.name, "links": _links(call, flavor)}
    if call.at_least("2.55"):
        shown["description"] = flavor.description
    return shown


def full(call: Call[Compute], flavor: Flavor) -> dict[str, Any]:
    shown = {
        "id": flavor.id,
        "name": flavor.name,
        "ram": flavor.ram_mb,
        "disk": flavor.disk_gb,
        "vcpus": flavor.vcpus,
        "swap": flavor.swap_mb if flavor.swap_mb or call.at_least("2.75") else "",
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral_gb,
        "OS-FLV-DISABLED:disabled": flavor.disabled,
        "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor,
        "links": _links(call, flavor),
    }
    if call.at_least("2.55"):
        shown["description"] = flavor.description
    if call.at_least("2.61") and call.allows(rules.EXTRA_SPECS.name):
        shown["extra_specs"] = flavor.extra_specs
    return shown


def _links(call: Call[Compute], flavor: Flavor) -> list[dict[str, str]]:
    return [
        {"rel": "self", "href": f"{call.base_url}/v2.1/flavors/{flavor.id}"},
        {"rel": "bookmark", "href": f"{call.base_url}/flavors/{flavor.id}"},
    ]


def _page(call: Call[Compute]) -> tuple[list[Flavor], dict[str, Any]]:
    page = paging.page(call.query, call.query_lists, tuple(SORT_KEYS), (("flavorid", "asc"),))
    wanted = {"is_public": _public(call.query), "marker": page.marker, "sort": page.sort[0],
              "min_ram_mb": _least(call.query, "minRam"), "min_disk_gb": _least(call.query, "minDisk")}  # fmt: skip
    found = flavors.page(call.services, call.context, page.limit, **wanted)
    links = {}
    if found and len(found) == page.limit:
        links["flavors_links"] = [{"rel": "next", "href": paging.next_url(call, found[-1].id)}]
    return found, links


def _public(query: Mapping[str, str]) -> bool | None:
    """``is_public=None`` asks for both kinds."""
    text = query.get("is_public", "true")
    return None if text.lower() == "none" else as_bool(text)


def _least(query: Mapping[str, str], key: str) -> int:
    text = query.get(key, "0")
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid(f"Invalid {key} filter [{text[:32]}]", field=key)
    return int(text)


def _number(value: Any) -> int:
    number = int(value)
    if number > MAX:
        raise Invalid(f"{number} is greater than the maximum of {MAX}", field="flavor")
    return number


_MANAGE = "os_compute_api:os-flavor-manage:"
ROUTES = (
    Route("GET", "/v2.1/flavors", list_flavors, policy=Rule("os_compute_api:flavors:index", ANY)),
    Route("GET", "/v2.1/flavors/detail", list_details, policy=Rule("os_compute_api:flavors:detail", ANY)),
    Route("GET", "/v2.1/flavors/<id>", show_flavor, policy=Rule("os_compute_api:flavors:show", ANY)),
    Route("POST", "/v2.1/flavors", create_flavor, policy=Rule(_MANAGE + "create", ADMIN), body=CREATE),
    Route(
        "PUT", "/v2.1/flavors/<id>", update_flavor, policy=Rule(_MANAGE + "update", ADMIN), body=UPDATE, since="2.55"
    ),
    Route("DELETE", "/v2.1/flavors/<id>", delete_flavor, policy=Rule(_MANAGE + "delete", ADMIN), status=202),
)
