"""The wire format: what goes in comes out, and nothing else gets in (S-130, F-30)."""

from __future__ import annotations

import importlib
import json
import pkgutil
import typing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import iaas.rpc
from iaas import errors
from iaas.bus import codec
from iaas.bus.transport import CONTENT_TYPE
from iaas.context import Context
from iaas.rpc.contract import Contract, Method
from tests.unit.bus.ovens import MARGHERITA, OvenRpc

ASKER = Context(request_id="req-1", project_id="p", roles=("member", "reader"), is_admin=True)
METHODS = OvenRpc.methods()
DECODER = codec.Decoder(OvenRpc)


def contracts() -> list[type[Contract]]:
    for module in pkgutil.iter_modules(iaas.rpc.__path__):
        importlib.import_module(f"iaas.rpc.{module.name}")
    return [each for each in Contract.__subclasses__() if each.__module__.startswith("iaas.rpc")]


def every_method() -> list[Any]:
    found = [(each, method) for each in contracts() for method in each.methods().values()]
    return [pytest.param(*pair, id=f"{pair[0].TOPIC}.{pair[1].name}") for pair in found]


@st.composite
def values(draw: st.DrawFn, kind: Any) -> Any:
    """Any value of a type that a contract may use."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return draw(st.sampled_from([None, True, 7, "text", [1, "2"], {"a": {"b": None}}]))
    if origin is tuple and inner[-1:] == (...,):
        return tuple(draw(values(inner[0])) for _ in range(draw(st.integers(0, 2))))
    if origin is tuple:
        return tuple(draw(values(each)) for each in inner)
    if origin is dict:
        return {key: draw(values(inner[1])) for key in draw(st.lists(st.text(max_size=5), max_size=2))}
    if inner:
        return draw(values(draw(st.sampled_from(inner))))
    if hasattr(kind, "__dataclass_fields__"):
        return kind(**{name: draw(values(hint)) for name, hint in typing.get_type_hints(kind).items()})
    plain = {str: st.text(max_size=20), bytes: st.binary(max_size=20), int: st.integers(-(2**53), 2**53),
             bool: st.booleans(), float: st.floats(-1e9, 1e9), type(None): st.none()}  # fmt: skip
    return draw(plain[kind]) if kind in plain else draw(st.sampled_from(list(kind)))


@pytest.mark.parametrize(("contract", "method"), every_method())
def test_every_method_of_every_contract_round_trips(contract: type[Contract], method: Method) -> None:
    """Whatever fits the type hints arrives as the same value, and so does the result."""
    decoder = codec.Decoder(contract)

    @given(st.fixed_dictionaries({name: values(kind) for name, kind in method.parameters.items()}))
    def arguments_survive(arguments: dict[str, Any]) -> None:
        body = codec.encode_request(method, contract.version(), arguments, id="1", context=ASKER)
        got = decoder.decode(body, CONTENT_TYPE)
        assert (got.method, got.arguments, got.context) == (method, arguments, ASKER)

    @given(values(method.result))
    def results_survive(result: Any) -> None:
        assert codec.decode_reply(method, codec.encode_result(result)) == result

    arguments_survive()
    results_survive()


def request(**changes: Any) -> bytes:
    """A good request to bake, with parts replaced; ``None`` stays null, ``...`` removes the part."""
    parts: dict[str, Any] = {
        "id": "1",
        "method": "bake",
        "version": "1.2",
        "context": None,
        "deadline": None,
        "args": {"pizza": msgspec.to_builtins(MARGHERITA)},
    }
    parts.update(changes)
    return json.dumps({key: value for key, value in parts.items() if value is not ...}).encode()


def test_the_unchanged_request_is_accepted() -> None:
    assert DECODER.decode(request(), CONTENT_TYPE).arguments == {"pizza": MARGHERITA}


PIZZA = msgspec.to_builtins(MARGHERITA)
REFUSED = {
    "not json": b"\x80\x04\x95pickle",
    "empty": b"",
    "an array": b"[]",
    "bad utf-8": request().replace(b"basil", b"ba\xffil"),
    "truncated": request()[:-5],
    "nested too deep": request(args={"pizza": {**PIZZA, "notes": "@"}}).replace(
        b'"@"', b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    ),
    "no method": request(method=...),
    "unknown method": request(method="eat"),
    "a public method outside the contract": request(method="explode", args={}),
    "a private method": request(method="_seen", args={"name": "x", "value": 1}),
    "a dunder": request(method="__init__", args={}),
    "a dotted path": request(method="calls.clear", args={}),
    "newer minor version": request(version="1.3"),
    "other major version": request(version="2.0"),
    "version of another kind": request(version=1.2),
    "no version": request(version=""),
    "missing argument": request(args={}),
    "unknown argument": request(args={"pizza": PIZZA, "self": 1}),
    "wrong type": request(args={"pizza": {**PIZZA, "id": 5}}),
    "wrong enum": request(args={"pizza": {**PIZZA, "crust": "burnt"}}),
    "arguments as an array": request(args=[PIZZA]),
    "forged context type": request(context={"request_id": "req-1", "is_admin": "yes"}),
    "context as text": request(context="admin"),
    "deadline as text": request(deadline="soon"),
    "10 MB": request(id="x" * 10_000_000),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_a_request_is_refused(body: bytes) -> None:
    """S-130, F-30: refused by kind, before anything of it is looked at as a call."""
    with pytest.raises((errors.Invalid, errors.Unsupported, errors.TooLarge)):
        DECODER.decode(body, CONTENT_TYPE)


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", "application/x-yaml", None, ""])
def test_only_json_is_accepted(content_type: str | None) -> None:
    with pytest.raises(errors.Invalid):
        DECODER.decode(request(), content_type)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with pytest.raises(errors.Error):
        DECODER.decode(body, CONTENT_TYPE)


def test_a_parameter_with_a_default_may_be_missing() -> None:
    """An older client does not know the parameter yet."""
    got = DECODER.decode(request(method="taste", version="1.0"), CONTENT_TYPE)
    assert got.arguments == {"pizza": MARGHERITA, "bites": 1}


@pytest.mark.parametrize(
    ("theirs", "ours", "fits"),
    [("1.0", "1.0", True), ("1.0", "1.9", True), ("1.10", "1.9", False), ("2.0", "1.9", False),
     ("1.0", "2.0", False), ("1", "1.0", False), ("1.0.0", "1.0", False), ("1.x", "1.0", False)],
)  # fmt: skip
def test_versions_fit_within_a_major_up_to_our_minor(theirs: str, ours: str, fits: bool) -> None:
    assert codec.compatible(theirs, ours) is fits


@pytest.mark.parametrize("kind", errors.KINDS.values(), ids=lambda kind: kind.kind)
def test_every_kind_of_error_crosses_with_its_details(kind: type[errors.Error]) -> None:
    sent = kind("went wrong", resource="server", limit=3, nested={"a": [1]})
    with pytest.raises(errors.Error) as caught:
        codec.decode_reply(METHODS["taste"], codec.encode_error(sent))
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.details) == (sent.message, sent.details)


def test_an_error_with_odd_or_huge_details_still_crosses() -> None:
    odd = errors.Conflict("odd", reason=ValueError("x"))
    with pytest.raises(errors.Conflict) as caught:
        codec.decode_reply(METHODS["taste"], codec.encode_error(odd))
    assert caught.value.details == {"reason": "x"}
    huge = errors.Conflict("huge", reason="x" * 2_000_000)
    with pytest.raises(errors.Conflict, match="huge"):
        codec.decode_reply(METHODS["taste"], codec.encode_error(huge))


def test_details_that_clash_with_the_constructor_do_no_harm() -> None:
    body = b'{"error": {"kind": "conflict", "message": "m", "details": {"message": "x", "self": 1, "a": 2}}}'
    with pytest.raises(errors.Conflict) as caught:
        codec.decode_reply(METHODS["taste"], body)
    assert (caught.value.message, caught.value.details) == ("m", {"a": 2})


@pytest.mark.parametrize("body", [b"", b"nonsense", b'{"result": 5}', b'{"result": {"id": "p"}}', b"[]"])
def test_an_answer_that_is_none_is_internal(body: bytes) -> None:
    with pytest.raises(errors.Internal):
        codec.decode_reply(METHODS["taste"], body)


def test_what_is_too_large_is_not_sent() -> None:
    with pytest.raises(errors.TooLarge):
        codec.encode_request(METHODS["news"], "1.2", {"text": "x" * 2_000_000}, id="1", context=None)
    with pytest.raises(errors.TooLarge):
        codec.encode_result("x" * 2_000_000)


def test_a_value_that_json_has_no_form_for_is_not_sent() -> None:
    with pytest.raises(TypeError):
        codec.encode_request(METHODS["news"], "1.2", {"text": object()}, id="1", context=None)
