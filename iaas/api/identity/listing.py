"""Answers of the identity API: one object with its link, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from iaas.api.call import Call
from iaas.api.paging import Page, next_url, page

T = TypeVar("T")
WHOLE = 10_000  # objects in a list that was asked for without a limit


def shown(call: Call[Any], path: str, item: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Further attributes first, so that they can't hide the real ones; then the fields and the link."""
    links = {"self": f"{call.base_url}/v3/{path}/{item.id}"}
    return {**item.extra, "id": item.id, **fields, "links": links}


def paged(
    call: Call[Any],
    key: str,
    fetch: Callable[[str | None, int], Sequence[T]],
    show: Callable[[Call[Any], T], Mapping[str, Any]],
) -> dict[str, Any]:
    """The page that is asked for; ``fetch(marker, most)`` gives what comes after the marker."""
    limits = asked(call)
    return listed(call, key, fetch(limits.marker, limits.limit + 1), limits, lambda item: show(call, item))


def asked(call: Call[Any]) -> Page:
    """limit and marker; the order is that of the ids, and wishes for another one are nobody's business, as published.
    Without a limit clients expect the whole list at once."""
    query = {name: call.query[name] for name in ("limit", "marker") if name in call.query}
    found = page(query, {}, keys=("id",), default=(("id", "asc"),))
    return found if found.asked else replace(found, limit=WHOLE)


def listed(call: Call[Any], key: str, found: Sequence[T], limits: Page, show: Callable[[T], Any]) -> dict[str, Any]:
    """``found`` has one item more than the page when there is a next one; a whole list that was cut says so."""
    items = list(found[: limits.limit])
    following = None
    if items and len(found) > limits.limit:
        following = next_url(call, items[-1].id)  # type: ignore[attr-defined]
    body: dict[str, Any] = {key: [show(item) for item in items], "links": links(call, following)}
    if following and not limits.asked:
        body["truncated"] = True
    return body


def links(call: Call[Any], following: str | None = None) -> dict[str, str | None]:
    return {"next": following, "self": call.url, "previous": None}
