"""The JSON forms of metadata definitions. What is not set is left out: the published schemas know no null."""

from __future__ import annotations

from typing import Any

from iaas.clock import iso8601
from iaas.image.metadefs import Content
from iaas.model.images.metadef import Association, Definition, Kind, Namespace, ResourceType

ROOT = "/v2/metadefs/namespaces"
_SCHEMAS = "/v2/schemas/metadefs"


def namespace(value: Namespace) -> dict[str, Any]:
    return _set({
        "namespace": value.name,
        "display_name": value.display_name,
        "description": value.description,
        "visibility": value.visibility.value,
        "protected": value.protected,
        "owner": value.project_id,
        **_times(value),
        "self": f"{ROOT}/{value.name}",
        "schema": f"{_SCHEMAS}/namespace",
    })  # fmt: skip


def content(value: Content, resource_type: str | None = None) -> dict[str, Any]:
    """A namespace with what it holds; a kind of which it has nothing is left out. With a resource type that it is
    associated with, the properties have the names that they have there."""
    prefix = next((item.prefix for item in value.associations if item.resource_type == resource_type), None) or ""
    objects = [_object(item, value.namespace.name, prefix) for item in value.of(Kind.OBJECT)]
    held: dict[str, Any] = {
        "objects": objects,
        "properties": {f"{prefix}{item.name}": dict(item.body) for item in value.of(Kind.PROPERTY)},
        "tags": [{"name": item.name} for item in value.of(Kind.TAG)],
        "resource_type_associations": [association(item) for item in value.associations],
    }
    return namespace(value.namespace) | {name: items for name, items in held.items() if items}


def definition(value: Definition, namespace: str) -> dict[str, Any]:
    """One by itself."""
    if value.kind is Kind.OBJECT:
        return _object(value, namespace, "")
    if value.kind is Kind.PROPERTY:
        return {"name": value.name, **value.body}
    return {"name": value.name, **_times(value)}


def association(value: Association) -> dict[str, Any]:
    return _set({
        "name": value.resource_type,
        "prefix": value.prefix,
        "properties_target": value.properties_target,
        **_times(value),
    })  # fmt: skip


def resource_type(value: ResourceType) -> dict[str, Any]:
    return {"name": value.name, **_times(value)}


def _object(value: Definition, namespace: str, prefix: str) -> dict[str, Any]:
    body = dict(value.body)
    if prefix:
        body["properties"] = {f"{prefix}{name}": item for name, item in body["properties"].items()}
        body["required"] = [f"{prefix}{name}" for name in body["required"]]
    path = f"{ROOT}/{namespace}/objects/{value.name}"
    return {"name": value.name, **body, **_times(value), "self": path, "schema": f"{_SCHEMAS}/object"}


def _times(value: Namespace | Definition | Association | ResourceType) -> dict[str, Any]:
    return {"created_at": iso8601(value.created_at), "updated_at": iso8601(value.updated_at)}


def _set(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
