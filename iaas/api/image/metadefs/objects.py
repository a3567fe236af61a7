"""Objects of a namespace: properties that belong together."""

from __future__ import annotations

from typing import Any

from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, documents, view
from iaas.api.image.metadefs.namespaces import links, page
from iaas.api.route import Reply, Route
from iaas.db.engine import Tx
from iaas.db.image.metadefs import definitions
from iaas.image import metadefs
from iaas.model.images.metadef import Kind


def list_objects(call: ImageCall) -> dict[str, Any]:
    asked = page(call, ("name", "created_at", "updated_at"))
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_OBJECTS)
        found = definitions.page(tx, namespace.id, Kind.OBJECT, asked.limit, asked.marker, asked.sort)
    path = f"{view.ROOT}/{namespace.name}/objects"
    return {
        "objects": [view.definition(item, namespace.name) for item in found],
        "schema": "/v2/schemas/metadefs/objects",
        **links(call, path, asked, len(found), found[-1].name if found else None),
    }


def create_object(call: ImageCall) -> Reply:
    access.refuse_read_only(call)

    def create(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, access.ADD_OBJECT)
        body = metadefs.object_body(call.body)
        return view.definition(metadefs.add(tx, namespace, Kind.OBJECT, call.body["name"], body), namespace.name)

    shown = call.services.database.run(create)
    return Reply(shown, headers={"Location": call.base_url + shown["self"]})


def show_object(call: ImageCall) -> dict[str, Any]:
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_OBJECT)
        return view.definition(definitions.get(tx, namespace.id, Kind.OBJECT, call.path["name"]), namespace.name)


def change_object(call: ImageCall) -> dict[str, Any]:
    access.refuse_read_only(call)

    def change(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, access.MODIFY_OBJECT)
        was = definitions.get(tx, namespace.id, Kind.OBJECT, call.path["name"])
        name, body = metadefs.checked(call.body["name"]), metadefs.object_body(call.body)
        return view.definition(definitions.update(tx, was, name, body), namespace.name)

    return call.services.database.run(change)


def delete_object(call: ImageCall) -> None:
    call.services.database.run(
        lambda tx: metadefs.remove(tx, access.find(tx, call, access.DELETE_OBJECT), Kind.OBJECT, call.path["name"])
    )


_ALL = "/v2/metadefs/namespaces/<namespace>/objects"
_ONE = f"{_ALL}/<name>"
ROUTES = (
    Route("GET", _ALL, list_objects, policy=access.GET_OBJECTS),
    Route("POST", _ALL, create_object, policy=access.ADD_OBJECT, body=documents.OBJECT, status=201),
    Route("GET", _ONE, show_object, policy=access.GET_OBJECT),
    Route("PUT", _ONE, change_object, policy=access.MODIFY_OBJECT, body=documents.OBJECT),
    Route("DELETE", _ONE, delete_object, policy=access.DELETE_OBJECT, status=204),
)
