"""Pages of lists: limit, marker, sort keys, and the link to the next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from iaas.errors import Invalid

if TYPE_CHECKING:
    from iaas.api.call import Call


@dataclass(frozen=True)
class Page:
    """``sort``: (key, "asc" or "desc") pairs, every key in the caller's allow-list. ``limit`` is always bounded."""

    limit: int
    marker: str | None
    sort: tuple[tuple[str, str], ...]
    asked: bool  # the client gave a limit, so it wants a next link


def page(
    query: Mapping[str, str],
    lists: Mapping[str, Sequence[str]],
    keys: Sequence[str],
    default: Sequence[tuple[str, str]] = (("created_at", "desc"), ("id", "desc")),
    maximum: int = 1000,
) -> Page:
    """Reads limit, marker, sort_key/sort_dir and ``sort=key:dir,…``. Raises Invalid (S-113)."""
    text = query.get("limit")
    limit = maximum
    if text is not None:
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise Invalid(f"limit {text[:32]!r} is not a non-negative integer.", field="limit")
        limit = min(int(text), maximum)
    named: dict[str, str] = {}
    for key, direction in _sort(query, lists):
        if key not in keys:
            raise Invalid(f"{key[:64]!r} is not a sort key.", field="sort_key")
        if direction not in ("asc", "desc"):
            raise Invalid(f"{direction[:32]!r} is not a sort direction.", field="sort_dir")
        named.setdefault(key, direction)  # what is in order by a key stays so, however often it is named
    pairs = list(named.items())
    if not pairs:
        pairs = list(default)
    elif "id" not in named:
        pairs.append(("id", pairs[-1][1]))
    return Page(limit, query.get("marker"), tuple(pairs), text is not None)


def _sort(query: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    if "sort" in query:
        parts = [part.partition(":") for part in query["sort"].split(",") if part]
        return [(key, direction or "asc") for key, _, direction in parts]
    names, directions = lists.get("sort_key", ()), lists.get("sort_dir", ())
    last = directions[-1] if directions else "asc"
    return [(name, directions[i] if i < len(directions) else last) for i, name in enumerate(names)]


def next_url(call: Call[Any], marker: str) -> str:
    """The request's own URL with the marker replaced."""
    parts = urlsplit(call.url)
    pairs = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "marker"]
    return urlunsplit(parts._replace(query=urlencode([*pairs, ("marker", marker)])))


def moment(query: Mapping[str, str], key: str) -> datetime | None:
    """A time of the query; None without one. Raises Invalid."""
    text = query.get(key)
    return moment_of(text, key) if text else None


def moment_of(text: str, key: str) -> datetime:
    """A time in UTC unless it says otherwise. A plus sign may have arrived as a space. Raises Invalid for ``key``."""
    try:
        found = datetime.fromisoformat(text.replace(" ", "+"))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: a zone puts it outside of all years
        raise Invalid(f"Invalid {key} value {text[:40]!r}", field=key) from None
