"""Objects of a namespace: properties that belong together."""

from __future__ import annotations

from typing import Any

from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, definitions, documents, view
from iaas.api.route import Reply, Route
from iaas.image import metadefs
from iaas.model.images.metadef import Kind


def list_objects(call: ImageCall) -> dict[str, Any]:
    namespace, found, after = definitions.listed(call, Kind.OBJECT, access.GET_OBJECTS)
    return {"objects": [view.definition(item, namespace) for item in found], **after}


def create_object(call: ImageCall) -> Reply:
    access.refuse_read_only(call)
    shown = definitions.created(call, Kind.OBJECT, access.ADD_OBJECT, call.body["name"], metadefs.object_body)
    return Reply(shown, headers={"Location": call.base_url + shown["self"]})


def show_object(call: ImageCall) -> dict[str, Any]:
    return definitions.shown(call, Kind.OBJECT, access.GET_OBJECT)


def change_object(call: ImageCall) -> dict[str, Any]:
    return definitions.changed(call, Kind.OBJECT, access.MODIFY_OBJECT, metadefs.object_body)


def delete_object(call: ImageCall) -> None:
    definitions.removed(call, Kind.OBJECT, access.DELETE_OBJECT)


_ALL = "/v2/metadefs/namespaces/<namespace>/objects"
_ONE = f"{_ALL}/<name>"
ROUTES = (
    Route("GET", _ALL, list_objects, policy=access.GET_OBJECTS),
    Route("POST", _ALL, create_object, policy=access.ADD_OBJECT, body=documents.OBJECT, status=201),
    Route("GET", _ONE, show_object, policy=access.GET_OBJECT),
    Route("PUT", _ONE, change_object, policy=access.MODIFY_OBJECT, body=documents.OBJECT),
    Route("DELETE", _ONE, delete_object, policy=access.DELETE_OBJECT, status=204),
)
