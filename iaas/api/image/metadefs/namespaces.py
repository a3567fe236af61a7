"""Namespaces of metadata definitions; one document may bring everything that a namespace holds."""

from __future__ import annotations

from typing import Any

from iaas.api.image import pages
from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, documents, view
from iaas.api.route import Reply, Route
from iaas.db.engine import Tx
from iaas.db.image.metadefs import namespaces as rows
from iaas.db.image.metadefs import resource_types
from iaas.errors import Forbidden, Invalid
from iaas.image import metadefs
from iaas.model.image import Visibility
from iaas.model.images.metadef import Kind, Namespace

_PAGING = ("limit", "marker", "sort", "sort_key", "sort_dir")


def list_namespaces(call: ImageCall) -> dict[str, Any]:
    wanted, asked = _filter(call), pages.page(call, ("namespace", "created_at", "updated_at"))
    with call.services.database.read() as tx:
        found = rows.page(tx, access.viewer(call), wanted, asked.limit, asked.marker, asked.sort)
        associations = resource_types.of_namespaces(tx, [item.id for item in found])
    shown = []
    for item in found:
        types = [view.association(association) for association in associations[item.id]]
        shown.append(view.namespace(item) | ({"resource_type_associations": types} if types else {}))
    return {
        "namespaces": shown,
        "schema": "/v2/schemas/metadefs/namespaces",
        **pages.links(call, view.ROOT, asked, [item.name for item in found]),
    }


def _filter(call: ImageCall) -> rows.Filter:
    unknown = sorted(set(call.query) - {*_PAGING, "visibility", "resource_types"})
    if unknown:
        raise Invalid(f"Namespaces have no filter {unknown[0][:64]!r}.", field=unknown[0][:64])
    visibility = call.query.get("visibility")
    if visibility not in (None, "public", "private"):
        raise Invalid(f"Invalid visibility value: {str(visibility)[:32]!r}", field="visibility")
    types = [name for name in call.query.get("resource_types", "").split(",") if name]
    return rows.Filter(visibility=Visibility(visibility) if visibility else None, resource_types=types[:100])


def create_namespace(call: ImageCall) -> Reply:
    access.refuse_read_only(call)
    _check_owner(call, call.context.project_id)
    content = call.services.database.run(lambda tx: metadefs.create(tx, call.body, call.context.project_id))
    shown = view.content(content)
    return Reply(shown, headers={"Location": call.base_url + shown["self"]})


def show_namespace(call: ImageCall) -> dict[str, Any]:
    with call.services.database.read() as tx:
        found = metadefs.content(tx, access.find(tx, call, access.GET_NAMESPACE))
    return view.content(found, call.query.get("resource_type"))


def change_namespace(call: ImageCall) -> dict[str, Any]:
    """Replaces what the document says of the namespace itself; what it holds stays as it is."""
    access.refuse_read_only(call)

    def change(tx: Tx) -> Namespace:
        was = access.find(tx, call, access.MODIFY_NAMESPACE)
        _check_owner(call, was.project_id)
        return rows.update(tx, metadefs.described(was, call.body, was.project_id))

    return view.namespace(call.services.database.run(change))


def _check_owner(call: ImageCall, owner: str | None) -> None:
    if call.body.get("owner", owner) != owner and not call.context.is_admin:
        raise Forbidden("Only an administrator makes another project the owner of a namespace.")


def delete_namespace(call: ImageCall) -> None:
    def delete(tx: Tx) -> None:
        found = access.find(tx, call, access.DELETE_NAMESPACE)
        metadefs.refuse_protected(found, f"namespace {found.name}")
        rows.delete(tx, found)

    call.services.database.run(delete)


def delete_objects(call: ImageCall) -> None:
    _empty(call, Kind.OBJECT)


def delete_properties(call: ImageCall) -> None:
    _empty(call, Kind.PROPERTY)


def _empty(call: ImageCall, kind: Kind) -> None:
    call.services.database.run(lambda tx: metadefs.remove(tx, access.find(tx, call, access.DELETE_NAMESPACE), kind))


_ONE = "/v2/metadefs/namespaces/<namespace>"
ROUTES = (
    Route("GET", view.ROOT, list_namespaces, policy=access.GET_NAMESPACES),
    Route("POST", view.ROOT, create_namespace, policy=access.ADD_NAMESPACE, body=documents.NAMESPACE, status=201),
    Route("GET", _ONE, show_namespace, policy=access.GET_NAMESPACE),
    Route("PUT", _ONE, change_namespace, policy=access.MODIFY_NAMESPACE, body=documents.NAMESPACE),
    Route("DELETE", _ONE, delete_namespace, policy=access.DELETE_NAMESPACE, status=204),
    Route("DELETE", f"{_ONE}/objects", delete_objects, policy=access.DELETE_NAMESPACE, status=204),
    Route("DELETE", f"{_ONE}/properties", delete_properties, policy=access.DELETE_NAMESPACE, status=204),
)
