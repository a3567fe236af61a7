"""/v2.0/{networks,subnets,ports,security-groups}/<id>/tags"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import obj
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import security_groups as groups_db
from iaas.db.network import subnets as subnets_db
from iaas.db.network import tags as tags_db
from iaas.errors import Invalid, NotFound

MAX_TAGS, MAX_LENGTH = 50, 60
_TAG = {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": "^[^,]+$"}
REPLACE = obj({"tags": {"type": "array", "items": _TAG, "maxItems": MAX_TAGS}}, ("tags",))
_GETTERS: dict[str, Callable[..., Any]] = {
    "networks": networks_db.get,
    "subnets": subnets_db.get,
    "ports": ports_db.get,
    "security-groups": groups_db.get,
}


def _routes(collection: str) -> tuple[Route, ...]:
    """The tags of one noun: reading is for whoever sees the thing, writing for whoever may change it (S-054)."""
    noun = collection[:-1].replace("-", "_")
    get = _GETTERS[collection]

    def thing(call: Services, rule: str | None = None) -> Any:
        with call.services.database.read() as tx:
            found = get(tx, query.ident(call), call.context)
        if rule:
            call.enforce(rule, rules.owned_by(found.project_id))
        return found

    def listed(call: Services) -> dict[str, Any]:
        return {"tags": list(thing(call).tags)}

    def shown(call: Services) -> Reply:
        _present(call, thing(call).tags)
        return Reply(status=204)

    def replaced(call: Services) -> dict[str, Any]:
        found, wanted = thing(call, f"update_{noun}_tags"), sorted(set(call.body["tags"]))
        call.services.database.run(lambda tx: tags_db.replace(tx, get(tx, found.id).id, wanted))
        return {"tags": wanted}

    def added(call: Services) -> Reply:
        found, tag = thing(call, f"update_{noun}_tags"), _tag(call)
        if len(found.tags) >= MAX_TAGS and tag not in found.tags:
            raise Invalid(f"At most {MAX_TAGS} tags are possible.", field="tags")
        call.services.database.run(lambda tx: tags_db.add(tx, get(tx, found.id).id, tag))
        return Reply(status=201)

    def removed(call: Services) -> Reply:
        found = thing(call, f"delete_{noun}_tags")
        _present(call, found.tags)
        call.services.database.run(lambda tx: tags_db.remove(tx, found.id, call.path["tag"]))
        return Reply(status=204)

    def cleared(call: Services) -> Reply:
        found = thing(call, f"delete_{noun}_tags")
        call.services.database.run(lambda tx: tags_db.remove_all(tx, [found.id]))
        return Reply(status=204)

    path = f"/v2.0/{collection}/<id>/tags"
    read, write = Rule(f"get_{noun}_tags", READER), Rule(f"update_{noun}_tags", MEMBER)
    remove = Rule(f"delete_{noun}_tags", MEMBER)
    return (
        Route("GET", path, listed, policy=read),
        Route("PUT", path, replaced, policy=write, body=REPLACE),
        Route("DELETE", path, cleared, policy=remove, status=204),
        Route("GET", f"{path}/<tag>", shown, policy=read, status=204),
        Route("PUT", f"{path}/<tag>", added, policy=write, status=201),
        Route("DELETE", f"{path}/<tag>", removed, policy=remove, status=204),
    )


def _tag(call: Services) -> str:
    tag = query.ident(call, "tag")
    if len(tag) > MAX_LENGTH or "," in tag:
        raise Invalid(f"A tag has at most {MAX_LENGTH} characters and no comma.", field="tag")
    return tag


def _present(call: Services, tags: tuple[str, ...]) -> None:
    if call.path["tag"] not in tags:
        raise NotFound(f"Tag {call.path['tag'][:64]} could not be found.", code="TagNotFound")


ROUTES = tuple(route for collection in _GETTERS for route in _routes(collection))
