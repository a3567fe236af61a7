"""What all nouns of the network API share: lists and their links, bulk bodies, projections, common attributes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from iaas.api import schema
from iaas.api.network import rules
from iaas.api.network.rules import Services
from iaas.api.paging import next_url, page
from iaas.clock import iso8601
from iaas.db.network.listing import Query
from iaas.errors import Forbidden, Invalid, NotFound

MAX_BULK = 100
MAX_PAGE = 1000
_RESERVED = {"limit", "marker", "sort_key", "sort_dir", "sort", "fields", "page_reverse"}
NAME = {"type": "string", "maxLength": 255}
PROJECT = {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"}
OWNER = {"project_id": PROJECT, "tenant_id": PROJECT}
DESCRIBED = {"name": NAME, "description": NAME}


class Stamped(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def project_id(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def created_at(self) -> Any: ...
    @property
    def updated_at(self) -> Any: ...


Noun = TypeVar("Noun")


def one(key: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema of a change: ``{key: {…}}``."""
    return schema.wrapped(key, properties, required)


def one_or_many(key: str, plural: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """The schema of a creation: ``{key: {…}}`` or ``{plural: [{…}, …]}``, not both."""
    item = schema.obj(properties, required)
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_BULK}
    return {**schema.obj({key: item, plural: many}), "minProperties": 1, "maxProperties": 1}


def ident(call: Services, name: str = "id") -> str:
    """The id of the path. What can't be an id is no different from an unknown one."""
    given = call.path[name]
    if "\x00" in given or len(given) > 255:
        raise NotFound("The resource could not be found.")
    return given


def items(call: Services, key: str, plural: str) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = call.body[plural] if plural in call.body else [call.body[key]]
    return found


def created(call: Services, key: str, plural: str, shown: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {plural: list(shown)} if plural in call.body else {key: shown[0]}


def owner(call: Services, rule: str, item: Mapping[str, Any]) -> str:
    """The project that shall own the new object. Raises Forbidden unless it is the caller's or policy allows it."""
    given = {item[name] for name in ("project_id", "tenant_id") if name in item}
    if len(given) > 1:
        raise Invalid("'project_id' and 'tenant_id' do not match", field="project_id")
    project = given.pop() if given else call.context.owner
    if not project:
        raise Forbidden("A token without a project can't create this.", rule=rule)
    call.enforce(rule, rules.owned_by(project))
    return str(project)


def of_call(call: Services, fields: Iterable[str], hidden: Collection[str] = ()) -> Query:
    """The list that the query string asks for. Raises Invalid (S-113)."""
    if any("\x00" in value for values in call.query_lists.values() for value in values):
        raise Invalid("The query holds a NUL character.")
    keys = [name for name in fields if name not in hidden]
    found = page(call.query, call.query_lists, keys, default=(("id", "asc"),), maximum=MAX_PAGE)
    filters = {
        name: values for name, values in call.query_lists.items() if name not in _RESERVED and name not in hidden
    }
    return Query(limit=found.limit or MAX_PAGE, marker=found.marker, sort=found.sort, filters=filters)


def answer(
    call: Services, plural: str, found: Sequence[Noun], more: bool, show: Callable[[Noun], dict[str, Any]]
) -> dict[str, Any]:
    """The page, cut to the fields asked for, with a link to the next one if there is one."""
    shown = [show(item) for item in found]
    body: dict[str, Any] = {plural: [pick(call, item) for item in shown]}
    if more and shown:
        body[f"{plural}_links"] = [{"rel": "next", "href": next_url(call, shown[-1]["id"])}]
    return body


def pick(call: Services, shown: dict[str, Any]) -> dict[str, Any]:
    """Only the attributes named by ``fields``; all without it. Unknown names are passed over."""
    wanted = {name for text in call.query_lists.get("fields", ()) for name in text.split(",")}
    return {name: value for name, value in shown.items() if name in wanted} if wanted else shown


def stamps(item: Stamped) -> dict[str, Any]:
    """The attributes that every noun has."""
    return {
        "id": item.id,
        "project_id": item.project_id,
        "tenant_id": item.project_id,
        "description": item.description,
        "revision_number": item.revision,
        "created_at": iso8601(item.created_at),
        "updated_at": iso8601(item.updated_at),
    }


def without(shown: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in hidden}


def columns(item: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """What the client wrote, under our names."""
    return {column: item[name] for name, column in names.items() if name in item}


def booleans(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return values | {name: schema.as_bool(values[name]) for name in names if name in values}
