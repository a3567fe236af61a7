"""One HTTP request of a guest to the metadata service: strict parsing, and the words for the API. Pure.

The guest is hostile. What is passed on is what is listed here and nothing else, so that no header of the
guest's can pass for one of ours, in whatever spelling or number (S-085); a length in any doubt is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

HEAD_BYTES = 16 * 1024
BODY_BYTES = 64 * 1024
_PASSED = {
    "accept", "content-type", "user-agent",
    "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds",
}  # fmt: skip
_LINE = re.compile(rb"(GET|HEAD|PUT|POST) (/[\x21-\x7e]{0,4095}) HTTP/1\.[01]")
_HEADER = re.compile(rb"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}):[ \t]*([\x20-\x7e\t]*?)[ \t]*")
_REASONS = {
    400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable",
}  # fmt: skip


class Refused(Exception):
    """The request is answered with this status and goes nowhere."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]  # only those that are passed on
    length: int  # bytes of the body


def parse(head: bytes) -> Request:
    """The bytes up to and without the empty line. Raises Refused with 400, 413 or 501."""
    first, *lines = head.split(b"\r\n")
    start = _LINE.fullmatch(first)
    if start is None or b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        raise Refused(400)
    headers, length = {}, None
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise Refused(400)
        name, value = found[1].decode().lower(), found[2].decode()
        if name == "transfer-encoding":
            raise Refused(501)
        if name == "content-length":
            if length is not None or not re.fullmatch(r"[0-9]{1,9}", value):
                raise Refused(400)
            length = int(value)
        elif name in _PASSED:
            if name in headers:
                raise Refused(400)
            headers[name] = value
    if (length or 0) > BODY_BYTES:
        raise Refused(413)
    return Request(
        method=start[1].decode(), target=start[2].decode(), headers=tuple(headers.items()), length=length or 0
    )


def signature(secret: str, network_id: str, ip: str) -> str:
    """Tells the API that this agent saw the address on that network: hex HMAC-SHA256 of ``network_id ip``."""
    return hmac.new(secret.encode(), f"{network_id} {ip}".encode(), hashlib.sha256).hexdigest()


def forwarded(request: Request, body: bytes, *, host: str, base: str, network_id: str, ip: str, secret: str) -> bytes:
    """The request to the API. HTTP/1.0, so that the end of the answer is the end of the stream.

    ``base`` is the path of the metadata URL without a slash at its end.
    """
    lines = [
        f"{request.method} {base}{request.target} HTTP/1.0",
        f"Host: {host}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        f"X-Forwarded-For: {ip}",
        f"X-Network-Id: {network_id}",
        f"X-Iaas-Signature: {signature(secret, network_id, ip)}",
        *(f"{name}: {value}" for name, value in request.headers),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refusal(status: int) -> bytes:
    reason = _REASONS[status]
    retry = "Retry-After: 2\r\n" if status == 503 else ""
    return (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {len(reason)}\r\n"
        f"{retry}Connection: close\r\n\r\n{reason}"
    ).encode()
