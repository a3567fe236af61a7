"""GET of a guest, passed on by the network agent that vouches for network and address (S-085). Answers are text.

No token: the agent's signature is the credential. An address without a server is 404, a bad signature 403, and
neither says which part was wrong.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from iaas.api.call import Call
from iaas.api.metadata.service import Metadata
from iaas.api.route import Reply, Route
from iaas.compute.metadata import ec2, openstack, tree
from iaas.errors import Forbidden, NotFound
from iaas.model.order import Particulars

_TEXT, _JSON, _BYTES = "text/plain; charset=utf-8", "application/json", "application/octet-stream"


def versions(call: Call[Metadata]) -> Reply:
    """The EC2 versions: what is at the root."""
    _guest(call)
    return _reply("\n".join(ec2.VERSIONS))


def read(call: Call[Metadata]) -> Reply:
    """Anything below the root."""
    guest = _guest(call)
    parts = [part for part in call.path["path"].split("/") if part]
    found = _openstack(call, guest, parts[1:]) if parts[:1] == ["openstack"] else _ec2(call, guest, parts)
    if found is None:
        raise NotFound("There is no such metadata.")
    return found


def _openstack(call: Call[Metadata], guest: Particulars, parts: list[str]) -> Reply | None:
    if not parts:
        return _reply("\n".join(openstack.VERSIONS))
    if parts[0] not in openstack.VERSIONS:
        return None
    found = tree.find(openstack.documents(guest, parts[0]), parts[1:])
    return _item(found, _JSON if parts[-1].endswith(".json") else _BYTES)


def _ec2(call: Call[Metadata], guest: Particulars, parts: list[str]) -> Reply | None:
    if not parts:
        return _reply("\n".join(ec2.VERSIONS))
    if parts[0] not in ec2.VERSIONS:
        return None
    found = tree.find(ec2.documents(guest), parts[1:])
    if parts[1:] == ["meta-data", "public-keys"] and found is not None:
        return _reply(ec2.key_listing(guest))
    return _item(found, _BYTES)


def _item(found: Any, binary: str) -> Reply | None:
    if found is None:
        return None
    if isinstance(found, bytes):
        return _reply(found, binary)
    return _reply(found if isinstance(found, str) else tree.listing(found))


def _reply(content: str | bytes, kind: str = _TEXT) -> Reply:
    data = content.encode() if isinstance(content, str) else content
    return Reply(data, headers={"Content-Type": kind})


def _guest(call: Call[Metadata]) -> Particulars:
    network, ip = call.headers.get("X-Network-Id", ""), call.headers.get("X-Forwarded-For", "")
    given, secret = call.headers.get("X-Iaas-Signature", ""), call.services.secret
    expected = hmac.new(secret.encode(), f"{network} {ip}".encode(), hashlib.sha256).hexdigest()
    if not secret or not network or not ip or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("Invalid proxy request signature.")
    return call.services.compute.guest_at(network, ip)


ROUTES = (
    Route("GET", "/", versions, public=True),
    Route("GET", "/<path:path>", read, public=True),
)
