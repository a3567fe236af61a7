"""Bodies: read with bounds, parsed strictly, checked against a JSON schema. Every fault names the field."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import fastjsonschema
import msgspec

from iaas.errors import Invalid
from iaas.ids import is_uuid

MAX_DEPTH = 32

NAME = {"type": "string", "minLength": 1, "maxLength": 255}
TEXT = {"type": ["string", "null"], "maxLength": 255}
UUID = {"type": "string", "format": "uuid"}
BOOLEAN = {"type": ["boolean", "string"], "enum": [True, False, "true", "false", "True", "False"]}
QUERY_LIMIT = {"type": "string", "pattern": "^[0-9]+$"}


def obj(properties: Mapping[str, Any], required: tuple[str, ...] = (), extra: bool = False) -> dict[str, Any]:
    """An object schema; unknown keys are refused unless ``extra``."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": extra,
    }


def wrapped(
    key: str, properties: Mapping[str, Any], required: tuple[str, ...] = (), extra: bool = False
) -> dict[str, Any]:
    """``{key: {…}}``, the envelope of most OpenStack bodies."""
    return obj({key: obj(properties, required, extra)}, (key,))


def as_bool(value: Any) -> bool:
    """A boolean that may come as a word. Raises Invalid for another word."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "t", "true", "on", "y", "yes"):
        return True
    if word in ("0", "f", "false", "off", "n", "no"):
        return False
    raise Invalid(f"{str(value)[:32]!r} is not a boolean.")


def parse(data: bytes) -> Any:
    """Strict JSON: no NaN, no duplicate keys, no lone surrogates, bounded depth and numbers (S-110)."""
    try:
        text = data.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    except ValueError as error:
        raise Invalid(f"The body is not valid JSON: {str(error)[:120]}") from None
    _check(value, 0)
    return value


def compiled(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """The validator of a schema; it raises Invalid with ``field``."""
    validate = fastjsonschema.compile(dict(schema), formats={"uuid": is_uuid}, use_default=False)

    def check(value: Any) -> Any:
        try:
            return validate(value)
        except fastjsonschema.JsonSchemaValueException as error:
            field = ".".join(str(part) for part in error.path[1:]) or "body"
            words = error.message.replace("data" + "".join(f".{p}" for p in error.path[1:]), field, 1)
            raise Invalid(f"Invalid input for field/attribute {field}. {words[:400]}", field=field) from None

    return check


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not allowed")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Invalid("The body is nested too deeply.")
    if isinstance(value, str):
        if not value.isascii() and any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
            raise Invalid("The body holds an invalid character.")
        if "\x00" in value:
            raise Invalid("The body holds a NUL character.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid("The body holds a number out of range.")
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        raise Invalid("The body holds a number out of range.")
