"""Pages: every limit is bounded, and only named keys sort."""

from __future__ import annotations

from typing import Any

import pytest

from iaas.api.paging import page
from iaas.errors import Invalid

KEYS = ("name", "created_at", "id")


@pytest.mark.parametrize(
    ("text", "limit"), [(None, 1000), ("0", 0), ("1", 1), ("1000", 1000), ("1001", 1000), ("1" + "0" * 17, 1000)]
)
def test_a_limit_is_capped(text: str | None, limit: int) -> None:
    """S-113"""
    found = page({} if text is None else {"limit": text}, {}, KEYS)
    assert (found.limit, found.asked) == (limit, text is not None)


@pytest.mark.parametrize("text", ["-1", "", "ten", "1.5", "1e3", "9" * 19, " 1", "\u0661", "0x10", "NaN"])
def test_a_limit_that_is_no_number_is_invalid(text: str) -> None:
    """S-113"""
    with pytest.raises(Invalid):
        page({"limit": text}, {}, KEYS)


@pytest.mark.parametrize(
    ("query", "lists", "sort"),
    [
        ({}, {}, (("created_at", "desc"), ("id", "desc"))),
        ({"sort": "name"}, {}, (("name", "asc"), ("id", "asc"))),
        ({"sort": "name:desc,id:asc"}, {}, (("name", "desc"), ("id", "asc"))),
        (
            {},
            {"sort_key": ["name", "created_at"], "sort_dir": ["asc"]},
            (("name", "asc"), ("created_at", "asc"), ("id", "asc")),
        ),
        ({}, {"sort_key": ["name"]}, (("name", "asc"), ("id", "asc"))),
    ],
)
def test_the_order_is_total_because_the_id_ends_it(query: Any, lists: Any, sort: Any) -> None:
    assert page(query, lists, KEYS).sort == sort


@pytest.mark.parametrize(
    ("query", "lists"),
    [
        ({"sort": "password_hash"}, {}),
        ({"sort": "name:sideways"}, {}),
        ({}, {"sort_key": ["name;drop"]}),
        ({}, {"sort_key": ["name"], "sort_dir": ["up"]}),
    ],
)
def test_hidden_columns_and_unknown_directions_do_not_sort(query: Any, lists: Any) -> None:
    """S-113"""
    with pytest.raises(Invalid):
        page(query, lists, KEYS)


def test_a_key_sorts_once_however_often_it_is_named() -> None:
    """The comparison with a marker grows with the square of the keys: a URL has room for thousands of them."""
    many = ("name", "id", "name", "created_at") * 1000
    once = (("name", "asc"), ("id", "asc"), ("created_at", "asc"))
    assert page({"sort": ",".join(many)}, {}, KEYS).sort == once
    assert page({}, {"sort_key": list(many), "sort_dir": ["asc"]}, KEYS).sort == once
    assert page({"sort": "name:desc,name:asc,id"}, {}, KEYS).sort == (("name", "desc"), ("id", "asc"))
