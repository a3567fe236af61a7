"""Types of resources, and for which of them a namespace is meant."""

from __future__ import annotations

from typing import Any

from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, documents, view
from iaas.api.route import Route
from iaas.db.engine import Tx
from iaas.db.image.metadefs import resource_types as rows
from iaas.image import metadefs


def list_types(call: ImageCall) -> dict[str, Any]:
    with call.services.database.read() as tx:
        return {"resource_types": [view.resource_type(item) for item in rows.all_types(tx)]}


def list_associations(call: ImageCall) -> dict[str, Any]:
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, access.GET_TYPE)
        found = rows.of_namespaces(tx, [namespace.id])[namespace.id]
    return {"resource_type_associations": [view.association(item) for item in found]}


def associate(call: ImageCall) -> dict[str, Any]:
    access.refuse_read_only(call)

    def work(tx: Tx) -> dict[str, Any]:
        return view.association(metadefs.associate(tx, access.find(tx, call, access.ASSOCIATE), call.body))

    return call.services.database.run(work)


def dissociate(call: ImageCall) -> None:
    def work(tx: Tx) -> None:
        namespace, name = access.find(tx, call, access.DISSOCIATE), call.path["name"]
        metadefs.refuse_protected(namespace, f"resource type association {name[:80]}")
        rows.dissociate(tx, namespace.id, name)

    call.services.database.run(work)


_ALL = "/v2/metadefs/namespaces/<namespace>/resource_types"
ROUTES = (
    Route("GET", "/v2/metadefs/resource_types", list_types, policy=access.LIST_TYPES),
    Route("GET", _ALL, list_associations, policy=access.GET_TYPE),
    Route("POST", _ALL, associate, policy=access.ASSOCIATE, body=documents.ASSOCIATION, status=201),
    Route("DELETE", f"{_ALL}/<name>", dissociate, policy=access.DISSOCIATE, status=204),
)
