"""Tags of a namespace: words that something may be marked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api import schema
from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, definitions, documents
from iaas.api.route import Route
from iaas.db.engine import Tx
from iaas.image import metadefs
from iaas.model.images.metadef import Kind


def list_tags(call: ImageCall) -> dict[str, Any]:
    _, found, after = definitions.listed(call, Kind.TAG, access.GET_TAGS)
    return {"tags": [{"name": item.name} for item in found], **after}


def create_tags(call: ImageCall) -> dict[str, Any]:
    """As published: they replace those that are there, unless the header says that they come beside them."""
    append = schema.as_bool(call.headers.get("X-Openstack-Append", "false"))
    names = [item["name"] for item in call.body["tags"]]

    def create(tx: Tx) -> None:
        metadefs.set_tags(tx, access.find(tx, call, access.ADD_TAGS), names, append)

    call.services.database.run(create)
    return {"tags": [{"name": name} for name in names]}


def _nothing(_document: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A tag is its name."""
    return {}


def create_tag(call: ImageCall) -> dict[str, Any]:
    return definitions.created(call, Kind.TAG, access.ADD_TAG, call.path["name"], _nothing)


def show_tag(call: ImageCall) -> dict[str, Any]:
    return definitions.shown(call, Kind.TAG, access.GET_TAG)


def rename_tag(call: ImageCall) -> dict[str, Any]:
    return definitions.changed(call, Kind.TAG, access.MODIFY_TAG, _nothing)


def delete_tag(call: ImageCall) -> None:
    definitions.removed(call, Kind.TAG, access.DELETE_TAG)


def delete_tags(call: ImageCall) -> None:
    call.services.database.run(lambda tx: metadefs.remove(tx, access.find(tx, call, access.DELETE_TAGS), Kind.TAG))


_ALL = "/v2/metadefs/namespaces/<namespace>/tags"
_ONE = f"{_ALL}/<name>"
ROUTES = (
    Route("GET", _ALL, list_tags, policy=access.GET_TAGS),
    Route("POST", _ALL, create_tags, policy=access.ADD_TAGS, body=documents.TAGS, status=201),
    Route("DELETE", _ALL, delete_tags, policy=access.DELETE_TAGS, status=204),
    Route("POST", _ONE, create_tag, policy=access.ADD_TAG, status=201),
    Route("GET", _ONE, show_tag, policy=access.GET_TAG),
    Route("PUT", _ONE, rename_tag, policy=access.MODIFY_TAG, body=documents.TAG),
    Route("DELETE", _ONE, delete_tag, policy=access.DELETE_TAG, status=204),
)
