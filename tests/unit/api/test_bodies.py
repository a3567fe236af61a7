"""Bodies are strict JSON within bounds, and a wrong one is 400 that names the field."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.api import schema
from iaas.errors import Invalid
from tests import cpu
from tests.unit.api.small import as_, client

HOSTILE = {
    "nothing": b"",
    "broken": b"{",
    "depth of 100,000 arrays": b"[" * 100_000,
    "depth of 20,000 objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "depth just over the bound": b"[" * 40 + b"]" * 40,
    "a number of 100,000 digits": b'{"thing": {"size": ' + b"9" * 100_000 + b"}}",
    "a number over 64 bits": b'{"thing": {"name": "x", "size": 9223372036854775808}}',
    "an infinite number": b'{"thing": {"name": "x", "size": 1e999}}',
    "NaN": b'{"thing": {"name": "x", "size": NaN}}',
    "Infinity": b'{"thing": {"name": "x", "size": -Infinity}}',
    "duplicate keys": b'{"thing": {"name": "x", "name": "y"}}',
    "a lone surrogate": b'{"thing": {"name": "\\ud800"}}',
    "a lone surrogate as a key": b'{"thing": {"\\udfff": 1}}',
    "NUL": b'{"thing": {"name": "a\\u0000b"}}',
    "a byte order mark": b'\xef\xbb\xbf{"thing": {"name": "x"}}',
    "UTF-16": '{"thing": {"name": "x"}}'.encode("utf-16"),
    "no UTF-8": b'{"thing": {"name": "\xff"}}',
    "XML": b"<thing><name>x</name></thing>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_in_less_than_100_ms(name: str) -> None:
    """S-110"""
    with cpu.at_most(0.1), pytest.raises(Invalid):
        schema.compiled({"type": "object", "required": ["thing"]})(schema.parse(HOSTILE[name]))


@pytest.mark.parametrize("name", [name for name, body in HOSTILE.items() if len(body) < 2000])
def test_a_hostile_body_is_a_400_of_the_api(name: str) -> None:
    answer = client().post("/things", headers=as_("member"), data=HOSTILE[name])
    assert answer.status_code == 400
    assert answer.json is not None and answer.json["fault"]["kind"] == "invalid"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        ({}, "body"),
        ({"thing": None}, "thing"),
        ({"thing": {}}, "thing"),
        ({"thing": {"name": 1}}, "thing.name"),
        ({"thing": {"name": "x" * 21}}, "thing.name"),
        ({"thing": {"name": "x", "size": "1"}}, "thing.size"),
        ({"thing": {"name": "x", "size": True}}, "thing.size"),
        ({"thing": {"name": "x", "more": 1}}, "thing"),
        ({"thing": {"name": "x"}, "more": 1}, "body"),
    ],
)
def test_a_body_that_breaks_the_schema_names_the_field(body: Any, field: str) -> None:
    answer = client().post("/things", headers=as_("member"), json=body)
    assert answer.status_code == 400
    assert answer.json is not None and answer.json["fault"]["field"] == field
    assert "data" not in answer.json["fault"]["message"].split()


def test_a_body_comes_through_unchanged() -> None:
    body = {"thing": {"name": "\U0001f600 \u00fc '\"<&>", "size": -(2**62)}}
    answer = client().post("/things", headers=as_("member"), json=body)
    assert (answer.status_code, answer.json) == (201, {"body": body})


@pytest.mark.parametrize(("word", "value"), [("1", True), ("TRUE", True), ("off", False), (False, False), ("n", False)])
def test_words_for_booleans(word: Any, value: bool) -> None:
    assert schema.as_bool(word) is value


@pytest.mark.parametrize("word", ["", "maybe", "2", None])
def test_other_words_are_no_booleans(word: Any) -> None:
    with pytest.raises(Invalid):
        schema.as_bool(word)
