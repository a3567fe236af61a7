"""Identifiers: how the platform makes and recognises them."""

from __future__ import annotations

import re
import secrets
import uuid

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_REQUEST = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_uuid() -> str:
    """36 characters with dashes: servers, images, networks, ports, volumes …"""
    return str(uuid.uuid4())


def new_hex() -> str:
    """32 characters without dashes: identity's users, projects, roles …"""
    return uuid.uuid4().hex


def new_request_id() -> str:
    return f"req-{uuid.uuid4()}"


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def is_request_id(text: str) -> bool:
    """Whether a caller's global request id has the published form; anything else is dropped, not logged."""
    return _REQUEST.fullmatch(text) is not None


def new_mac(prefix: str = "fa:16:3e") -> str:
    """A locally administered MAC address under the prefix (three octets); uniqueness is the database's to enforce."""
    return prefix + "".join(f":{octet:02x}" for octet in secrets.token_bytes(3))
