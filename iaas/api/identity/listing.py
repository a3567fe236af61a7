"""Answers of the identity API: one object with its link, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from iaas.api.call import Call
from iaas.api.paging import Page, next_url, page
from iaas.api.route import Reply

T = TypeVar("T")


def shown(call: Call[Any], path: str, item: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Further attributes first, so that they can't hide the real ones; then the fields and the link."""
    links = {"self": f"{call.base_url}/v3/{path}/{item.id}"}
    return {**item.extra, "id": item.id, **fields, "links": links}


def asked(call: Call[Any]) -> Page:
    """limit and marker; the order is that of the ids."""
    return page(call.query, call.query_lists, keys=("id",), default=(("id", "asc"),))


def listed(call: Call[Any], key: str, found: Sequence[T], limits: Page, show: Callable[[T], Any]) -> Reply:
    """``found`` has one item more than the page when there is a next one.

    The next page is named in ``links`` as published, and in a Link header, which clients follow by themselves.
    """
    items = list(found[: limits.limit])
    following = None
    if items and len(found) > limits.limit:
        following = next_url(call, items[-1].id)  # type: ignore[attr-defined]
    body = {key: [show(item) for item in items], "links": links(call, following)}
    return Reply(body, headers={"Link": f'<{following}>; rel="next"'} if following else {})


def links(call: Call[Any], following: str | None = None) -> dict[str, str | None]:
    return {"next": following, "self": call.url, "previous": None}
