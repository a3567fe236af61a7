"""What objects, properties and tags of a namespace have in common: to be listed, made, shown, changed and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iaas.api.image import pages
from iaas.api.image.access import ImageCall
from iaas.api.image.metadefs import access, view
from iaas.api.route import Rule
from iaas.db.engine import Tx
from iaas.db.image.metadefs import definitions
from iaas.image import metadefs
from iaas.model.images.metadef import Definition, Kind

MakeBody = Callable[[Mapping[str, Any]], Mapping[str, Any]]  # of the request's document; raises Invalid


def listed(call: ImageCall, kind: Kind, rule: Rule) -> tuple[str, list[Definition], dict[str, Any]]:
    """The namespace's name, a page of its definitions, and what says where they go on."""
    asked = pages.page(call, ("name", "created_at", "updated_at"))
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, rule)
        found = definitions.page(tx, namespace.id, kind, asked.limit, asked.marker, asked.sort)
    path = f"{view.ROOT}/{namespace.name}/{kind.value}s"
    after = pages.links(call, path, asked, [item.name for item in found])
    return namespace.name, found, {"schema": f"/v2/schemas/metadefs/{kind.value}s", **after}


def created(call: ImageCall, kind: Kind, rule: Rule, name: str, body: MakeBody) -> dict[str, Any]:
    def create(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, rule)
        return view.definition(metadefs.add(tx, namespace, kind, name, body(call.body)), namespace.name)

    return call.services.database.run(create)


def shown(call: ImageCall, kind: Kind, rule: Rule) -> dict[str, Any]:
    with call.services.database.read() as tx:
        namespace = access.find(tx, call, rule)
        return view.definition(definitions.get(tx, namespace.id, kind, call.path["name"]), namespace.name)


def changed(call: ImageCall, kind: Kind, rule: Rule, body: MakeBody) -> dict[str, Any]:
    """Under the name that the document says."""
    access.refuse_read_only(call)

    def change(tx: Tx) -> dict[str, Any]:
        namespace = access.find(tx, call, rule)
        was = definitions.get(tx, namespace.id, kind, call.path["name"])
        name = metadefs.checked(call.body["name"])
        return view.definition(definitions.update(tx, was, name, body(call.body)), namespace.name)

    return call.services.database.run(change)


def removed(call: ImageCall, kind: Kind, rule: Rule) -> None:
    call.services.database.run(lambda tx: metadefs.remove(tx, access.find(tx, call, rule), kind, call.path["name"]))
