"""The smallest body that a route's schema allows, for sweeps over all routes: enough to get to the look-up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WORDS = (
    "x", "1", "name", "default", "00000000-0000-4000-8000-0000000000ee", "e" * 32, "10.9.0.0/24", "10.9.0.9",
    "fa:16:3e:00:00:01", "2026-01-01T00:00:00Z", "/v1/x", "GET", "http://x.example/", "abcdefgh1!A", "tcp", "e" * 64,
)  # fmt: skip


def example(schema: Mapping[str, Any]) -> Any:
    """A value of the schema, as small as it can be; may miss an unusual one (test_isolation.py counts those)."""
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema and "type" not in schema:
            return example(schema[key][0])
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next(item for item in kind if item != "null")
    return _MAKERS[kind](schema)


def _object(schema: Mapping[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    names = list(schema.get("required", ()))
    for choice in (*schema.get("anyOf", ())[:1], *schema.get("oneOf", ())[:1]):
        names += [item for item in choice.get("required", ()) if item not in names]
    for name in known:
        if len(names) < schema.get("minProperties", 0) and name not in names:
            names.append(name)
    made = {name: example(known.get(name, {})) for name in names}
    if len(made) < schema.get("minProperties", 0):
        more = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), {})
        made["x"] = example(more if isinstance(more, Mapping) else {})
    return made


def _array(schema: Mapping[str, Any]) -> list[Any]:
    return [example(schema.get("items", {})) for _ in range(schema.get("minItems", 0))]


def _string(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return "00000000-0000-4000-8000-0000000000ee"
    pattern, least, most = schema.get("pattern", ""), schema.get("minLength", 0), schema.get("maxLength", 1 << 20)
    fits = (word for word in _WORDS if least <= len(word) <= most and re.search(pattern, word))
    return next(fits, "x" * max(1, least))


def _number(schema: Mapping[str, Any]) -> int:
    return int(max(schema.get("minimum", 1), min(1, schema.get("maximum", 1))))


_MAKERS: dict[str, Any] = {
    "object": _object, "array": _array, "string": _string, "integer": _number, "number": _number,
    "boolean": lambda schema: True, "null": lambda schema: None,
}  # fmt: skip
