"""Metadata definitions: namespaces made from one document, and what happens to their content.

A document is the published JSON of a namespace, its shape already checked (by the API's schema, or because it is the
starter catalog's).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from iaas import ids
from iaas.db.engine import Tx
from iaas.db.image.metadefs import definitions, namespaces, resource_types
from iaas.errors import Forbidden, Invalid
from iaas.image.properties import is_plain
from iaas.model.image import Visibility
from iaas.model.images.metadef import Association, Definition, Kind, Namespace

# What a property's definition may say beside its name; anything else in a document is dropped.
PROPERTY_FIELDS = (
    "title", "description", "type", "operators", "required", "minimum", "maximum", "minLength", "maxLength", "pattern",
    "enum", "readonly", "default", "items", "minItems", "maxItems", "uniqueItems", "additionalItems",
)  # fmt: skip
_LONGEST = 255


@dataclass(frozen=True, kw_only=True)
class Content:
    """A namespace with everything in it."""

    namespace: Namespace
    definitions: Sequence[Definition] = field(default_factory=tuple)
    associations: Sequence[Association] = field(default_factory=tuple)

    def of(self, kind: Kind) -> list[Definition]:
        return [item for item in self.definitions if item.kind is kind]


def create(tx: Tx, document: Mapping[str, Any], owner: str | None) -> Content:
    """A namespace and all that its document holds. Raises Conflict, Invalid, TooLarge: then nothing is there."""
    now = tx.now()
    empty = Namespace(id=ids.new_uuid(), name="", project_id=owner, created_at=now, updated_at=now)
    namespace = namespaces.insert(tx, described(empty, document, owner))
    for item in document.get("resource_type_associations", ()):
        associate(tx, namespace, item)
    bodies = {
        Kind.OBJECT: _unique((item["name"], object_body(item)) for item in document.get("objects", ())),
        Kind.PROPERTY: _unique((name, property_body(item)) for name, item in document.get("properties", {}).items()),
        Kind.TAG: _unique((item["name"], {}) for item in document.get("tags", ())),
    }
    for kind, items in bodies.items():
        definitions.insert(tx, namespace.id, kind, items)
    return content(tx, namespace)


def described(was: Namespace, document: Mapping[str, Any], owner: str | None) -> Namespace:
    """With what the document says of the namespace itself; what it leaves out is as in a new one. Raises Invalid."""
    return replace(
        was,
        name=checked(document["namespace"]),
        display_name=document.get("display_name"),
        description=document.get("description"),
        visibility=Visibility(document.get("visibility", Visibility.PRIVATE.value)),
        protected=document.get("protected", False),
        project_id=document.get("owner") or owner,
    )


def content(tx: Tx, namespace: Namespace) -> Content:
    """Two queries, whatever is in it."""
    return Content(
        namespace=namespace,
        definitions=definitions.all_of(tx, namespace.id),
        associations=resource_types.of_namespaces(tx, [namespace.id])[namespace.id],
    )


def associate(tx: Tx, namespace: Namespace, item: Mapping[str, Any]) -> Association:
    """Raises Conflict, Invalid, TooLarge."""
    return resource_types.associate(
        tx, namespace.id, checked(item["name"]), item.get("prefix"), item.get("properties_target")
    )


def add(tx: Tx, namespace: Namespace, kind: Kind, name: str, body: Mapping[str, Any]) -> Definition:
    """Raises Conflict, Invalid, TooLarge."""
    return definitions.insert(tx, namespace.id, kind, {checked(name): body})[0]


def set_tags(tx: Tx, namespace: Namespace, names: Sequence[str], append: bool) -> list[Definition]:
    """All at once: instead of those that are there, or beside them. Raises Conflict, Invalid, TooLarge, and Forbidden
    for those of a protected namespace."""
    items = _unique((name, {}) for name in names)
    if not append and definitions.page(tx, namespace.id, Kind.TAG, 1):
        remove(tx, namespace, Kind.TAG)
    return definitions.insert(tx, namespace.id, Kind.TAG, items)


def remove(tx: Tx, namespace: Namespace, kind: Kind, name: str | None = None) -> None:
    """One, or all of the kind. Raises NotFound, Forbidden in a protected namespace."""
    if name is not None:
        definitions.get(tx, namespace.id, kind, name)
    refuse_protected(namespace, f"{kind} {name or ''}".rstrip())
    definitions.delete(tx, namespace.id, kind, None if name is None else [name])


def refuse_protected(namespace: Namespace, what: str) -> None:
    """Raises Forbidden."""
    if namespace.protected:
        raise Forbidden(f"Metadata definition {what} is protected and cannot be deleted.", resource="namespace")


def property_body(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in PROPERTY_FIELDS if name in document}


def object_body(document: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Invalid for a property's name that can't be."""
    properties = {checked(name): property_body(item) for name, item in document.get("properties", {}).items()}
    body = {"required": document.get("required", []), "properties": properties}
    return body | ({"description": document["description"]} if "description" in document else {})


def checked(name: str) -> str:
    """The name, if a URL can hold it. Raises Invalid."""
    if not 0 < len(name) <= _LONGEST or "/" in name or not is_plain(name) or name in (".", ".."):
        raise Invalid(f"{name[:64]!r} can't be a name: 1 to {_LONGEST} characters, no slash, nothing unprintable.")
    return name


def _unique(pairs: Any) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, body in pairs:
        if name in found:
            raise Invalid(f"The name {name[:64]!r} is there twice.")
        found[checked(name)] = body
    return found
