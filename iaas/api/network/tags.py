"""/v2.0/{networks,subnets,ports,routers,floatingips,security-groups}/<id>/tags"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from iaas.api.network import query, rules
from iaas.api.network.rules import Services
from iaas.api.route import MEMBER, READER, Reply, Route, Rule
from iaas.api.schema import obj
from iaas.db.engine import Tx
from iaas.db.network import floating_ips as floating_db
from iaas.db.network import networks as networks_db
from iaas.db.network import ports as ports_db
from iaas.db.network import routers as routers_db
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
    "routers": routers_db.get,
    "floatingips": floating_db.get,
    "security-groups": groups_db.get,
}


@dataclass(frozen=True)
class _Tags:
    """The tags of one noun: reading is for whoever sees the thing, writing for whoever may change it (S-054)."""

    collection: str

    @property
    def noun(self) -> str:
        return self.collection[:-1].replace("-", "_")

    def listed(self, call: Services) -> dict[str, Any]:
        return {"tags": list(self._thing(call).tags)}

    def shown(self, call: Services) -> Reply:
        _present(call, self._thing(call).tags)
        return Reply(status=204)

    def replaced(self, call: Services) -> dict[str, Any]:
        found, wanted = self._thing(call, f"update_{self.noun}_tags"), sorted(set(call.body["tags"]))
        call.services.database.run(lambda tx: tags_db.replace(tx, self._get(tx, found.id).id, wanted))
        return {"tags": wanted}

    def added(self, call: Services) -> Reply:
        found, tag = self._thing(call, f"update_{self.noun}_tags"), _tag(call)

        def write(tx: Tx) -> None:
            tags_db.add(tx, found.id, tag)
            if len(self._get(tx, found.id).tags) > MAX_TAGS:
                raise Invalid(f"At most {MAX_TAGS} tags are possible.", field="tags")

        call.services.database.run(write)
        return Reply(status=201)

    def removed(self, call: Services) -> Reply:
        found = self._thing(call, f"delete_{self.noun}_tags")
        _present(call, found.tags)
        call.services.database.run(lambda tx: tags_db.remove(tx, found.id, call.path["tag"]))
        return Reply(status=204)

    def cleared(self, call: Services) -> Reply:
        found = self._thing(call, f"delete_{self.noun}_tags")
        call.services.database.run(lambda tx: tags_db.remove_all(tx, [found.id]))
        return Reply(status=204)

    def routes(self) -> tuple[Route, ...]:
        path = f"/v2.0/{self.collection}/<id>/tags"
        read, write = Rule(f"get_{self.noun}_tags", READER), Rule(f"update_{self.noun}_tags", MEMBER)
        remove = Rule(f"delete_{self.noun}_tags", MEMBER)
        return (
            Route("GET", path, self.listed, policy=read),
            Route("PUT", path, self.replaced, policy=write, body=REPLACE),
            Route("DELETE", path, self.cleared, policy=remove, status=204),
            Route("GET", f"{path}/<tag>", self.shown, policy=read, status=204),
            Route("PUT", f"{path}/<tag>", self.added, policy=write, status=201),
            Route("DELETE", f"{path}/<tag>", self.removed, policy=remove, status=204),
        )

    def _get(self, tx: Tx, id: str, call: Services | None = None) -> Any:
        return _GETTERS[self.collection](tx, id, call.context if call else None)

    def _thing(self, call: Services, rule: str | None = None) -> Any:
        with call.services.database.read() as tx:
            found = self._get(tx, query.ident(call), call)
        if rule:
            call.enforce(rule, rules.owned_by(found.project_id))
        return found


def _tag(call: Services) -> str:
    tag = query.ident(call, "tag")
    if len(tag) > MAX_LENGTH or "," in tag:
        raise Invalid(f"A tag has at most {MAX_LENGTH} characters and no comma.", field="tag")
    return tag


def _present(call: Services, tags: tuple[str, ...]) -> None:
    if call.path["tag"] not in tags:
        raise NotFound(f"Tag {call.path['tag'][:64]} could not be found.", code="TagNotFound")


ROUTES = tuple(route for collection in _GETTERS for route in _Tags(collection).routes())
