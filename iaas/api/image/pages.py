"""Pages of this API's lists: the newest first, 25 at a time unless the client says otherwise, and where they go on."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit

from iaas.api import paging
from iaas.api.image.access import ImageCall
from iaas.errors import Invalid

DEFAULT_LIMIT = 25


def page(call: ImageCall, keys: Iterable[str]) -> paging.Page:
    """As every list's, but that a direction that nobody gave is descending. Raises Invalid."""
    query, lists = dict(call.query), {name: list(values) for name, values in call.query_lists.items()}
    names, directions = lists.get("sort_key", ()), lists.get("sort_dir", ())
    if "sort" in query and (names or directions):
        raise Invalid("Old and new sorting syntax cannot be combined.", field="sort")
    if len(directions) > 1 and len(directions) != len(names):
        raise Invalid("The number of sort directions is not the number of sort keys.", field="sort_dir")
    if "sort" in query:
        parts = [part for part in query["sort"].split(",") if part]
        query["sort"] = ",".join(part if ":" in part else f"{part}:desc" for part in parts)
    elif directions and not names:
        lists["sort_key"] = ["created_at"]
    elif names and not directions:
        lists["sort_dir"] = ["desc"]
    found = paging.page(query, lists, tuple(keys))
    return found if found.asked else paging.Page(DEFAULT_LIMIT, found.marker, found.sort, found.asked)


def links(call: ImageCall, path: str, asked: paging.Page, markers: list[str]) -> dict[str, str]:
    """``first``, and ``next`` behind a full page; as paths, as published. ``markers``: of what is on the page."""
    query = [pair for pair in parse_qsl(urlsplit(call.url).query, keep_blank_values=True) if pair[0] != "marker"]
    found = {"first": path + (f"?{urlencode(query)}" if query else "")}
    if markers and len(markers) == asked.limit:
        found["next"] = f"{path}?{urlencode([*query, ('marker', markers[-1])])}"
    return found
