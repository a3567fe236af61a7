"""The published JSON schemas of metadata definitions: what bodies are checked against, and what /v2/schemas shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST = 500
_TEXT = {"type": "string", "maxLength": 4096}
_TIME = {"type": "string", "format": "date-time", "readOnly": True}
_LINK = {"type": "string", "readOnly": True}
_TIMES = {"created_at": _TIME, "updated_at": _TIME}
_NAME = {"type": "string", "maxLength": 255}
_SHORT = {"type": "string", "maxLength": 80}
_FLAG = {"type": "boolean"}
_TYPE = {"type": "string", "enum": ["array", "boolean", "integer", "number", "object", "string", None]}
_COUNT = {"$ref": "#/definitions/positiveInteger"}
_COUNT_OR_0 = {"$ref": "#/definitions/positiveIntegerDefault0"}
_VALUES = {"type": "array", "maxItems": _MOST}
_STRINGS = {"type": "array", "items": {"type": "string"}, "maxItems": _MOST}

PROPERTY: dict[str, Any] = {
    "name": _NAME,
    "title": _TEXT,
    "description": _TEXT,
    "operators": _STRINGS,
    "type": _TYPE,
    "required": {"$ref": "#/definitions/stringArray"},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": _COUNT,
    "minLength": _COUNT_OR_0,
    "pattern": {"type": "string", "maxLength": 4096},
    "enum": _VALUES,
    "readonly": _FLAG,
    "default": {},
    "items": {"type": "object", "properties": {"type": _TYPE, "enum": _VALUES}},
    "maxItems": _COUNT,
    "minItems": _COUNT_OR_0,
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": _FLAG,
}
_PROPERTY_NEEDS = ["type", "title"]
_DEFINITIONS: dict[str, Any] = {
    "positiveInteger": {"type": "integer", "minimum": 0},
    "positiveIntegerDefault0": {"allOf": [{"$ref": "#/definitions/positiveInteger"}, {"default": 0}]},
    "stringArray": {**_STRINGS, "uniqueItems": True},
}
_PROPERTIES = {
    "type": "object",
    "maxProperties": _MOST,
    "additionalProperties": {"type": "object", "properties": PROPERTY, "required": _PROPERTY_NEEDS},
}
_OBJECT: dict[str, Any] = {
    "name": _NAME,
    "description": _TEXT,
    "required": {"$ref": "#/definitions/stringArray"},
    "properties": {"$ref": "#/definitions/property"},
}
_ASSOCIATION = {"name": _SHORT, "prefix": _SHORT, "properties_target": _SHORT}


def _list(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    item = {"type": "object", "properties": dict(properties), "required": required}
    return {"type": "array", "items": item, "maxItems": _MOST}


def _schema(
    name: str, properties: Mapping[str, Any], required: list[str], definitions: tuple[str, ...] = ()
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "name": name,
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }
    if definitions:
        known = {**_DEFINITIONS, "property": _PROPERTIES}
        schema["definitions"] = {word: known[word] for word in definitions}
    return schema


_BASIC = tuple(_DEFINITIONS)
NAMESPACE = _schema(
    "namespace",
    {
        "namespace": {**_SHORT, "minLength": 1},
        "display_name": _SHORT,
        "description": {"type": "string", "maxLength": 500},
        "visibility": {"type": "string", "enum": ["public", "private"]},
        "protected": _FLAG,
        "owner": {"type": "string", "maxLength": 255},
        **_TIMES,
        "schema": _LINK,
        "self": _LINK,
        "resource_type_associations": _list(_ASSOCIATION, ["name"]),
        "properties": {"$ref": "#/definitions/property"},
        "objects": _list(_OBJECT, ["name"]),
        "tags": _list({"name": _NAME}, ["name"]),
    },
    ["namespace"],
    (*_BASIC, "property"),
)
OBJECT = _schema("object", {**_OBJECT, "schema": _LINK, "self": _LINK, **_TIMES}, ["name"], (*_BASIC, "property"))
ONE_PROPERTY = _schema("property", PROPERTY, [*_PROPERTY_NEEDS, "name"], _BASIC)
TAG = _schema("tag", {"name": _NAME, **_TIMES}, ["name"])
ASSOCIATION = _schema("resource_type_association", {**_ASSOCIATION, **_TIMES}, ["name"])
TAGS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"tags": _list({"name": _NAME}, ["name"])},
    "required": ["tags"],
    "additionalProperties": False,
}

_COLLECTION_LINKS = [
    {"rel": "first", "href": "{first}"},
    {"rel": "next", "href": "{next}"},
    {"rel": "describedby", "href": "{schema}"},
]


def collection(name: str, item: Mapping[str, Any], by_name: bool = False) -> dict[str, Any]:
    """The schema of a list of such items (``by_name``: of an object of them). Definitions go to the root, where the
    references look."""
    inner = {key: value for key, value in item.items() if key != "definitions"}
    if by_name:
        inner["required"] = [word for word in inner["required"] if word != "name"]
    plain = {"type": "string"}
    items = {"type": "object", "additionalProperties": inner} if by_name else {"type": "array", "items": inner}
    schema = {
        "name": name,
        "properties": {name: items, "first": plain, "next": plain, "schema": plain},
        "links": _COLLECTION_LINKS,
    }
    return schema | ({"definitions": item["definitions"]} if "definitions" in item else {})
