"""Stores: which there are, and giving up one store's copy of an image."""

from __future__ import annotations

from typing import Any

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.route import Route
from iaas.errors import NotFound
from iaas.image import delete as deletion
from iaas.image.store_set import Place


def stores_info(call: ImageCall) -> dict[str, Any]:
    return {"stores": [_brief(call, place) for place in call.services.stores]}


def stores_detail(call: ImageCall) -> dict[str, Any]:
    """What may be known of each driver's settings: nothing secret is among it."""
    return {
        "stores": [
            {
                **_brief(call, place),
                "type": "file" if place.driver == "filesystem" else place.driver,
                "weight": place.options.weight,
                "properties": place.store.describe(),
            }
            for place in call.services.stores
        ]
    }


def _brief(call: ImageCall, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"id": place.id}
    if place.options.description:
        found["description"] = place.options.description
    if place.id == call.services.stores.default:
        found["default"] = "true"
    if place.store.READ_ONLY:
        found["read-only"] = "true"
    return found


def delete_copy(call: ImageCall) -> None:
    store = call.path["store_id"]
    if store not in call.services.stores:
        raise NotFound(f"The selected store {store[:64]} is not available.", resource="store")
    deletion.delete_copy(call.services, access.find(call, access.DELETE_LOCATION), store)


ROUTES = (
    Route("GET", "/v2/info/stores", stores_info, policy=access.DEFAULT),
    Route("GET", "/v2/info/stores/detail", stores_detail, policy=access.STORES_DETAIL),
    Route(
        "DELETE", "/v2/stores/<store_id>/<image_id>", delete_copy, policy=access.DELETE_LOCATION, status=204,
    ),
)  # fmt: skip
