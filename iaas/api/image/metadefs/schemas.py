"""/v2/schemas/metadefs/*: clients build their objects from these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iaas.api.image import access
from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import documents
from iaas.api.route import Route
from iaas.errors import NotFound

_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "namespace": documents.NAMESPACE,
    "namespaces": documents.collection("namespaces", documents.NAMESPACE),
    "object": documents.OBJECT,
    "objects": documents.collection("objects", documents.OBJECT),
    "property": documents.ONE_PROPERTY,
    "properties": documents.collection("properties", documents.ONE_PROPERTY, by_name=True),
    "tag": documents.TAG,
    "tags": documents.collection("tags", documents.TAG),
    "resource_type": documents.ASSOCIATION,
    "resource_types": documents.collection("resource_type_associations", documents.ASSOCIATION),
}


def show_schema(call: ImageCall) -> dict[str, Any]:
    name = call.path["name"]
    if name not in _SCHEMAS:
        raise NotFound(f"There is no schema {name[:64]!r}.", resource="schema")
    return dict(_SCHEMAS[name])


ROUTES = (Route("GET", "/v2/schemas/metadefs/<name>", show_schema, policy=access.DEFAULT),)
