"""Interoperable import: data staged, then brought in; or from the web; or from one store to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.image.image_data import announced
from iaas.api.image.media import OCTETS, media_type
from iaas.api.route import Route
from iaas.errors import Invalid, NotFound
from iaas.image import imports
from iaas.image.imports import COPY, DIRECT, Wish
from iaas.image.staging import stage
from iaas.model.image import LocationState

_GLANCE = ("glance_image_id", "glance_region", "glance_service_interface")
_STORE = {"type": "string", "minLength": 1, "maxLength": 64}
IMPORT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "method": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 64},
                "uri": {"type": "string", "maxLength": 2048},
                # Of glance-download, from another region's service: known, so that the refusal names the method.
                **{name: {"type": "string", "maxLength": 255} for name in _GLANCE},
            },
            "required": ["name"],
            "additionalProperties": False,
        },
        "stores": {"type": "array", "items": _STORE, "maxItems": 64},
        "all_stores": {"type": "boolean"},
        "all_stores_must_succeed": {"type": "boolean"},
    },
    "required": ["method"],
    "additionalProperties": False,
}
LOCATION: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "url": {"type": "string", "minLength": 1, "maxLength": 2048},
        "validation_data": {
            "type": "object",
            "properties": {
                "os_hash_algo": {"type": "string", "enum": ["sha512"]},
                "os_hash_value": {"type": "string", "pattern": "^[0-9a-fA-F]{128}$"},
                "checksum": {"type": "string", "maxLength": 32},
            },
            "additionalProperties": False,
        },
    },
    "required": ["url"],
    "additionalProperties": False,
}


def stage_data(call: ImageCall) -> None:
    media_type(call, OCTETS)
    image = access.find(call, access.MODIFY_IMAGE)
    if DIRECT not in call.services.options.import_methods:
        raise NotFound("There is no staging here: glance-direct is not enabled.")
    assert call.stream is not None
    stage(call.services, image, call.stream, announced(call))


def import_image(call: ImageCall) -> None:
    body = call.body
    image = access.find(call, access.MODIFY_IMAGE)
    if not call.services.options.import_methods:
        raise NotFound("There is no import here: no method is enabled.")
    if body["method"]["name"] == COPY:
        call.enforce(access.COPY_IMAGE.name, access.target(image))
    if body.get("all_stores") and "stores" in body:
        raise Invalid("'all_stores' and 'stores' can't be given together.", field="stores")
    header = call.headers.get("X-Image-Meta-Store")  # how it was said before there was 'stores'
    all_stores = bool(body.get("all_stores"))
    stores = () if all_stores else tuple(body.get("stores") or ([header] if header else []))
    if body["method"]["name"] == COPY and not stores and not all_stores:
        raise Invalid("The copy-image method needs 'stores' or 'all_stores'.", field="stores")
    wish = Wish(
        method=body["method"]["name"], uri=body["method"].get("uri"), stores=stores, all_stores=all_stores
    )  # fmt: skip
    imports.request(call.services, call.context, image, wish, {"image_id": image.id, "import_req": body})


def add_location(call: ImageCall) -> None:
    """The data are somewhere already: for the platform's services, never for users (S-019)."""
    image = access.find(call, access.ADD_LOCATION)
    wanted = (call.body.get("validation_data") or {}).get("os_hash_value")
    imports.add_location(call.services, call.context, image, call.body["url"], wanted)


def locations(call: ImageCall) -> list[dict[str, Any]]:
    image = access.find(call, access.FETCH_LOCATION)
    return [
        {"url": place.name if "://" in place.name else f"{place.store}://{place.name}",
         "metadata": {"store": place.store}}
        for place in image.locations if place.state is LocationState.ACTIVE
    ]  # fmt: skip


ROUTES = (
    Route("PUT", "/v2/images/<image_id>/stage", stage_data, policy=access.MODIFY_IMAGE, status=204, raw=True),
    Route("POST", "/v2/images/<image_id>/import", import_image, policy=access.MODIFY_IMAGE, body=IMPORT, status=202),
    Route(
        "POST", "/v2/images/<image_id>/locations", add_location, policy=access.ADD_LOCATION, body=LOCATION, status=202
    ),
    Route("GET", "/v2/images/<image_id>/locations", locations, policy=access.FETCH_LOCATION),
)
