"""Properties of a namespace, each a JSON schema of what an image or a flavor may say under its name."""

from __future__ import annotations

from typing import Any

from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, definitions, documents, view
from iaas.api.route import Route
from iaas.db.engine import Tx
from iaas.db.image.metadefs import definitions as rows
from iaas.db.image.metadefs import resource_types
from iaas.errors import NotFound
from iaas.image import metadefs
from iaas.model.images.metadef import Kind, Namespace


def list_properties(call: ImageCall) -> dict[str, Any]:
    """All of them, by name: the published list has no pages."""
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_PROPERTIES)
        found = rows.page(tx, namespace.id, Kind.PROPERTY)
    return {"properties": {item.name: dict(item.body) for item in found}}


def create_property(call: ImageCall) -> dict[str, Any]:
    access.refuse_read_only(call)
    return definitions.created(call, Kind.PROPERTY, access.ADD_PROPERTY, call.body["name"], metadefs.property_body)


def show_property(call: ImageCall) -> dict[str, Any]:
    """With ``resource_type`` the name in the path is the one that the property has there."""
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_PROPERTY)
        name = call.path["name"]
        if "resource_type" in call.query:
            name = _without_prefix(tx, namespace, name, call.query["resource_type"])
        return view.definition(rows.get(tx, namespace.id, Kind.PROPERTY, name), namespace.name)


def _without_prefix(tx: Tx, namespace: Namespace, name: str, resource_type: str) -> str:
    """Raises NotFound."""
    for item in resource_types.of_namespaces(tx, [namespace.id])[namespace.id]:
        if item.resource_type == resource_type:
            if item.prefix and name.startswith(item.prefix):
                return name.removeprefix(item.prefix)
            break
    raise NotFound(f"Property {name[:80]} does not begin as the properties of {resource_type[:80]} do.")


def change_property(call: ImageCall) -> dict[str, Any]:
    return definitions.changed(call, Kind.PROPERTY, access.MODIFY_PROPERTY, metadefs.property_body)


def delete_property(call: ImageCall) -> None:
    definitions.removed(call, Kind.PROPERTY, access.REMOVE_PROPERTY)


_ALL = "/v2/metadefs/namespaces/<namespace>/properties"
_ONE = f"{_ALL}/<name>"
ROUTES = (
    Route("GET", _ALL, list_properties, policy=access.GET_PROPERTIES),
    Route("POST", _ALL, create_property, policy=access.ADD_PROPERTY, body=documents.ONE_PROPERTY, status=201),
    Route("GET", _ONE, show_property, policy=access.GET_PROPERTY),
    Route("PUT", _ONE, change_property, policy=access.MODIFY_PROPERTY, body=documents.ONE_PROPERTY),
    Route("DELETE", _ONE, delete_property, policy=access.REMOVE_PROPERTY, status=204),
)
