"""Tags of a namespace: words that something may be marked with."""

from __future__ import annotations

from typing import Any

from iaas.api import schema
from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, documents, view
from iaas.api.image.metadefs.namespaces import links, page
from iaas.api.route import Route
from iaas.db.engine import Tx
from iaas.db.image.metadefs import definitions
from iaas.image import metadefs
from iaas.model.images.metadef import Kind


def list_tags(call: ImageCall) -> dict[str, Any]:
    asked = page(call, ("name", "created_at", "updated_at"))
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_TAGS)
        found = definitions.page(tx, namespace.id, Kind.TAG, asked.limit, asked.marker, asked.sort)
    path = f"{view.ROOT}/{namespace.name}/tags"
    return {
        "tags": [{"name": item.name} for item in found],
        "schema": "/v2/schemas/metadefs/tags",
        **links(call, path, asked, len(found), found[-1].name if found else None),
    }


def create_tags(call: ImageCall) -> dict[str, Any]:
    """As published: they replace those that are there, unless the header says that they come beside them."""
    append = schema.as_bool(call.headers.get("X-Openstack-Append", "false"))
    names = [item["name"] for item in call.body["tags"]]

    def create(tx: Tx) -> None:
        metadefs.set_tags(tx, access.find(tx, call, access.ADD_TAGS), names, append)

    call.services.database.run(create)
    return {"tags": [{"name": name} for name in names]}


def create_tag(call: ImageCall) -> dict[str, Any]:
    def create(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, access.ADD_TAG)
        return view.definition(metadefs.add(tx, namespace, Kind.TAG, call.path["name"], {}), namespace.name)

    return call.services.database.run(create)


def show_tag(call: ImageCall) -> dict[str, Any]:
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_TAG)
        return view.definition(definitions.get(tx, namespace.id, Kind.TAG, call.path["name"]), namespace.name)


def rename_tag(call: ImageCall) -> dict[str, Any]:
    access.refuse_read_only(call)

    def rename(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, access.MODIFY_TAG)
        was = definitions.get(tx, namespace.id, Kind.TAG, call.path["name"])
        return view.definition(definitions.update(tx, was, metadefs.checked(call.body["name"]), {}), namespace.name)

    return call.services.database.run(rename)


def delete_tag(call: ImageCall) -> None:
    call.services.database.run(
        lambda tx: metadefs.remove(tx, access.find(tx, call, access.DELETE_TAG), Kind.TAG, call.path["name"])
    )


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
