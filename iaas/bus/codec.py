"""The wire format: JSON envelopes, checked against a contract's type hints before anything runs (S-130,
F-30).

    request  {id, method, version, context, deadline (seconds left or null), args {name: value}}
    reply    {result} or {error: {kind, message, details}}

Where the answer goes and which call it belongs to are the transport's business, not the envelope's.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from iaas import errors
from iaas.bus.shape import Contract, Method
from iaas.bus.transport import CONTENT_TYPE
from iaas.context import Context

MAX_BYTES = 1024 * 1024
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    method: str
    version: str
    context: Context | None
    deadline: float | None
    args: msgspec.Raw


class _Failure(msgspec.Struct, frozen=True):
    kind: str
    message: str
    details: dict[str, Any]


class _Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request that passed every check. ``seconds``: what was left of the deadline when it was sent."""

    id: str
    method: Method
    context: Context | None
    seconds: float | None
    arguments: dict[str, Any]


_encoder = msgspec.json.Encoder()
_failures = msgspec.json.Encoder(enc_hook=str)  # str: whatever odd value an error's details hold
_requests = msgspec.json.Decoder(_Request)
_replies = msgspec.json.Decoder(_Reply)


def encode_request(
    method: Method,
    version: str,
    arguments: dict[str, Any],
    *,
    id: str,
    context: Context | None,
    deadline: float | None = None,
) -> bytes:
    """Raises TooLarge over MAX_BYTES, TypeError for an argument that JSON has no form for."""
    args = msgspec.Raw(_encoder.encode(arguments))
    return _sized(
        _encoder.encode(
            _Request(id=id, method=method.name, version=version, context=context, deadline=deadline, args=args)
        )
    )


def encode_result(value: Any) -> bytes:
    """Raises TooLarge over MAX_BYTES, TypeError for a value that JSON has no form for."""
    return _sized(_encoder.encode(_Reply(result=msgspec.Raw(_encoder.encode(value)))))


def encode_error(error: errors.Error) -> bytes:
    """The error by kind, message and details; details that are too large stay behind."""
    body = _failures.encode(_Reply(error=_Failure(error.kind, error.message[:4096], error.details)))
    if len(body) <= MAX_BYTES:
        return body
    return _failures.encode(_Reply(error=_Failure(error.kind, error.message[:4096], {})))


def decode_reply(method: Method, body: bytes) -> Any:
    """The result in the type that the contract declares; raises the error that the endpoint raised.

    An answer that is not one is Internal: the other side is broken or of an unknown make.
    """
    try:
        reply = _replies.decode(body)
        if reply.error is None:
            return _of_type(method.result).decode(reply.result)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise errors.Internal(f"The answer to {method.name} can't be read: {error}") from error
    details = {key: value for key, value in reply.error.details.items() if key not in ("self", "message")}
    raise errors.revive(reply.error.kind, reply.error.message, details)


class Decoder:
    """Reads requests for one contract: only its methods, only its types, only a version that it knows."""

    def __init__(self, contract: type[Contract]) -> None:
        self._version = contract.version()
        self._methods = contract.methods()
        self._arguments = {name: _arguments(contract, method) for name, method in self._methods.items()}

    def decode(self, body: bytes, content_type: str | None) -> Incoming:
        """Raises Invalid, TooLarge or Unsupported; then nothing of the message may be executed."""
        if content_type != CONTENT_TYPE:
            raise errors.Invalid(f"content type {content_type!r} is not accepted")
        _sized(body)
        try:
            request = _requests.decode(body)
            method = self._method(request)
            struct = self._arguments[method.name].decode(request.args)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise errors.Invalid(f"malformed message: {error}") from error
        arguments = {name: getattr(struct, name) for name in method.parameters}
        return Incoming(
            id=request.id,
            method=method,
            context=request.context,
            seconds=request.deadline,
            arguments=arguments,
        )

    def _method(self, request: _Request) -> Method:
        if not compatible(request.version, self._version):
            raise errors.Unsupported(f"version {request.version[:16]!r} is not {self._version} or older")
        method = self._methods.get(request.method)
        if method is None:
            raise errors.Unsupported(f"there is no method {request.method[:64]!r}")
        return method


def compatible(theirs: str, ours: str) -> bool:
    """Same major version, and a minor version that we know already."""
    sent, known = _VERSION.fullmatch(theirs), _VERSION.fullmatch(ours)
    return bool(sent and known) and sent[1] == known[1] and int(sent[2]) <= int(known[2])  # type: ignore[index]


def _sized(body: bytes) -> bytes:
    if len(body) > MAX_BYTES:
        raise errors.TooLarge(f"a message of {len(body)} bytes is over the limit of {MAX_BYTES}")
    return body


def _arguments(contract: type[Contract], method: Method) -> msgspec.json.Decoder[Any]:
    """A decoder for exactly the parameters; one with a default may be missing (sent by an older version)."""
    parameters = inspect.signature(getattr(contract, method.name)).parameters
    shape: list[Any] = [
        (name, kind) if parameters[name].default is inspect.Parameter.empty
        else (name, kind, parameters[name].default)
        for name, kind in method.parameters.items()
    ]  # fmt: skip
    return msgspec.json.Decoder(
        msgspec.defstruct(f"{method.name}_arguments", shape, kw_only=True, forbid_unknown_fields=True)
    )


@cache
def _of_type(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)
