"""Bodies of server requests: their schemas by microversion, and what the logic makes of one. No database."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from iaas.api.call import Call
from iaas.api.compute import block_devices, rules
from iaas.api.schema import BOOLEAN, UUID, as_bool, obj
from iaas.compute.create import with_zone
from iaas.compute.service import Compute
from iaas.errors import Invalid
from iaas.model.network import NetworkRequest
from iaas.model.server_request import NetworkWish, NewServers

NAME = {"type": "string", "minLength": 1, "maxLength": 255,
        "pattern": r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"}  # fmt: skip
DESCRIPTION = {"type": ["string", "null"], "maxLength": 255, "pattern": r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"}
METADATA = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9_:. -]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
TAG = {"type": "string", "minLength": 1, "maxLength": 60, "pattern": "^[^,/]*$"}
TAGS = {"type": "array", "items": TAG, "maxItems": 50, "uniqueItems": True}
USER_DATA_MAX = 65535
_YES = ("true", "True", "TRUE", "1", "on", "On", "ON", "yes", "Yes", "YES")  # what is taken for a boolean, as published
_NO = ("false", "False", "FALSE", "0", "off", "Off", "OFF", "no", "No", "NO")
COUNT = {"type": ["integer", "string"], "pattern": "^[1-9][0-9]{0,5}$", "minimum": 1}
HOST = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[a-zA-Z0-9-._]+$"}
_SERVERS = {"type": ["string", "array"], "format": "uuid", "items": UUID, "minItems": 1, "maxItems": 100}
# Hints without a filter of ours are taken and have no effect, as published; the internal ones of others are refused
# (S-057), and no hint is without an end (S-120).
_HINTS = {
    "type": "object",
    "properties": {"group": UUID, "different_host": _SERVERS, "same_host": _SERVERS},
    "additionalProperties": {
        "type": ["string", "array", "object", "number", "boolean", "null"],
        "maxLength": 255,
        "maxItems": 100,
        "maxProperties": 32,
    },
    "propertyNames": {"pattern": "^[^_]", "maxLength": 255},
    "maxProperties": 32,
}
_NIC = {
    "type": "object",
    "properties": {
        "uuid": UUID,
        "port": {"type": ["string", "null"], "format": "uuid"},
        "fixed_ip": {"type": "string", "maxLength": 45},
        "tag": {"type": "string", "minLength": 1, "maxLength": 60},
    },
    "additionalProperties": False,
}

_FIELDS: dict[str, Any] = {
    "name": NAME,
    "imageRef": {"type": "string", "maxLength": 512},
    "flavorRef": {"type": ["string", "integer"], "minLength": 1, "maxLength": 512},
    "min_count": COUNT,
    "max_count": COUNT,
    "metadata": METADATA,
    "key_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 255},
    "user_data": {"type": ["string", "null"], "maxLength": USER_DATA_MAX},
    "availability_zone": {"type": ["string", "null"], "maxLength": 255},
    "config_drive": {"type": ["boolean", "string"], "enum": [True, False, *_YES, *_NO]},
    "networks": {"type": ["array", "string"], "items": _NIC, "maxItems": 64},
    "security_groups": {
        "type": "array",
        "items": {"type": "object", "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 255}},
                  "additionalProperties": False},
        "maxItems": 64,
    },
    block_devices.FIELD: block_devices.SCHEMA,
    "return_reservation_id": BOOLEAN,
    "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]},
    "description": DESCRIPTION,
    "tags": TAGS,
    "host": HOST,
    "hypervisor_hostname": HOST,
    "trusted_image_certificates": {"type": "null"},
}  # fmt: skip
SINCE = {"description": 19, "tags": 52, "trusted_image_certificates": 63, "host": 74, "hypervisor_hostname": 74}
EXPLICIT_NETWORKS = 37

CREATE = {
    "type": "object",
    "properties": {
        "server": obj(_FIELDS, ("name", "flavorRef")),
        "OS-SCH-HNT:scheduler_hints": _HINTS,
        "os:scheduler_hints": _HINTS,
    },
    "required": ["server"],
    "additionalProperties": False,
}
UPDATE = {
    "type": "object",
    "properties": {"server": obj({"name": NAME, "description": DESCRIPTION,
                                  "OS-DCF:diskConfig": {"type": "string", "enum": ["AUTO", "MANUAL"]}})},
    "required": ["server"],
    "additionalProperties": False,
}  # fmt: skip


def check_fields(body: dict[str, Any], minor: int) -> None:
    """Refuses fields that came with a later microversion. Raises Invalid."""
    for name, since in SINCE.items():
        if name in body and minor < since:
            raise Invalid(f"Additional properties are not allowed ('{name}' was unexpected)", field=name)


def new_servers(call: Call[Compute]) -> NewServers:
    """Reads a validated body. Raises Invalid, Forbidden."""
    body: dict[str, Any] = call.body["server"]
    minor = call.version.minor if call.version else 1
    check_fields(body, minor)
    hints = call.body.get("os:scheduler_hints") or call.body.get("OS-SCH-HNT:scheduler_hints") or {}
    low = int(body.get("min_count", 1))
    high = int(body.get("max_count", low))
    if low > high:
        raise Invalid("min_count must be <= max_count", field="min_count")
    image_id, disks, local = block_devices.read(body, minor)
    wish = NewServers(
        name=body["name"],
        flavor_id=str(body["flavorRef"]).rstrip("/").rpartition("/")[2],
        image_id=image_id,
        disks=disks,
        local=local,
        min_count=low,
        max_count=high,
        description=body.get("description", body["name"] if minor < 19 else None),
        key_name=body.get("key_name"),
        user_data=user_data(body.get("user_data")),
        metadata=body.get("metadata", {}),
        config_drive=as_bool(body.get("config_drive", False)),
        tags=tuple(body.get("tags", ())),
        networks=_networks(body, minor),
        security_groups=tuple(dict.fromkeys(item["name"] for item in body.get("security_groups", ()) if item)),
        forced_host=_destination(call, body),
        zero_disk=call.allows(rules.ZERO_DISK.name),
        group_id=hints.get("group"),
        hints={name: _listed(hints[name]) for name in ("different_host", "same_host") if name in hints},
    )
    return with_zone(wish, body.get("availability_zone"), call.allows(rules.FORCED_HOST.name))


def _listed(hint: str | list[str]) -> list[str]:
    return [hint] if isinstance(hint, str) else hint


def _destination(call: Call[Compute], body: dict[str, Any]) -> str | None:
    wanted = body.get("host") or body.get("hypervisor_hostname")
    if wanted is not None:
        call.enforce(rules.REQUESTED_DESTINATION.name)
        if ":" in (body.get("availability_zone") or ""):
            raise Invalid("A host can't be named twice.", field="availability_zone")
    return wanted


def user_data(text: str | None) -> str | None:
    if not text:
        return None
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("User data needs to be valid base 64.", field="user_data") from None
    return text


def _networks(body: dict[str, Any], minor: int) -> NetworkWish | tuple[NetworkRequest, ...]:
    given = body.get("networks")
    if given is None:
        if minor >= EXPLICIT_NETWORKS:
            raise Invalid("'networks' is a required property", field="networks")
        return NetworkWish.DEFAULT
    if isinstance(given, str):
        if minor < EXPLICIT_NETWORKS or given not in ("auto", "none"):
            raise Invalid(f"Invalid input for field/attribute networks. {given[:32]!r} is not valid.", field="networks")
        return NetworkWish(given)
    if not given:
        return NetworkWish.DEFAULT
    return tuple(_nic(item) for item in given)


def _nic(item: dict[str, Any]) -> NetworkRequest:
    if item.get("port"):
        if item.get("fixed_ip"):
            raise Invalid("Specified Fixed IP cannot be used with port: it has its own.", field="networks")
        return NetworkRequest(port_id=item["port"], tag=item.get("tag"))
    if not item.get("uuid"):
        raise Invalid("Bad networks format: a network needs 'uuid' or 'port'.", field="networks")
    return NetworkRequest(network_id=item["uuid"], fixed_ip=item.get("fixed_ip"), tag=item.get("tag"))
