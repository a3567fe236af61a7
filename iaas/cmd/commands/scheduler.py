"""``scheduler explain``: every host against every filter and weigher, for a server that is there or one that might be.
A dry run: nothing is claimed. A server that is there is counted where it is, beside what it would take."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.errors import Invalid, NotFound

if TYPE_CHECKING:
    from iaas.db.engine import Tx
    from iaas.model.placement import PlacementRequest

HINTS = ("group", "different_host", "same_host")


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("scheduler", help="where servers go").add_subparsers(dest="verb", required=True)
    parser = verbs.add_parser("explain", help="why a server goes where it goes: hosts, filters, weights; a dry run")
    parser.add_argument("--server", metavar="ID", help="as if this server were to be placed now")
    parser.add_argument("--flavor", metavar="ID_OR_NAME")
    parser.add_argument("--image", metavar="ID")
    parser.add_argument("--zone", metavar="NAME")
    parser.add_argument("--hint", metavar="KEY=VALUE", action="append", default=[], help=", ".join(HINTS))
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=explain)


def explain(config: Loaded, arguments: argparse.Namespace) -> int:
    """Exit status 1: no valid host."""
    from iaas.db.engine import Database
    from iaas.scheduler import explain, hosts, pipeline, plugins

    if bool(arguments.server) == bool(arguments.flavor):
        raise Invalid("name either --server or --flavor")
    options = config.section(sections.Scheduler)
    filters, weighers = plugins.filters(options), plugins.weighers(options)
    with Database(config.section(sections.Database).connection).read() as tx:
        asked = _of_server(tx, arguments) if arguments.server else _of_flavor(tx, arguments)
        states, asked = hosts.read(tx, options, asked)
    verdicts = explain.explain(states, asked, filters, weighers)
    if arguments.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    else:
        print(explain.table(verdicts, [name for name, _ in filters], [name for name, _ in weighers]))
    if verdicts and verdicts[0].place:
        return 0
    if not arguments.json:
        print(pipeline.summary(pipeline.rank(states, asked, filters, weighers).rejected, len(states)))
    return 1


def _of_server(tx: Tx, arguments: argparse.Namespace) -> PlacementRequest:
    from iaas.db.compute import servers
    from iaas.model.placement import PlacementRequest

    server = servers.get(tx, arguments.server)
    hints = {name: tuple(ids) for name, ids in (server.hints or {}).items()}
    return PlacementRequest.of(
        server.flavor, _image_properties(tx, server.image_id, vanished=True), root=server.local_root, operation_id="",
        fence=0, server_id=server.id, project_id=server.project_id, availability_zone=server.availability_zone,
        group_id=server.group_id, **hints,
    )  # fmt: skip


def _of_flavor(tx: Tx, arguments: argparse.Namespace) -> PlacementRequest:
    """With a group or servers in the hints it is their project's server."""
    from iaas.db.compute import flavors, server_groups, servers
    from iaas.model.placement import PlacementRequest

    hints = _hints(arguments.hint)
    group = server_groups.get(tx, hints["group"][0]) if "group" in hints else None
    named = [servers.get(tx, id) for key in HINTS[1:] for id in hints.get(key, ())]
    found = flavors.by_name(tx, arguments.flavor) or flavors.get(tx, arguments.flavor)
    others: Any = {key: ids for key, ids in hints.items() if key != "group"}
    return PlacementRequest.of(
        found, _image_properties(tx, arguments.image), operation_id="", fence=0, server_id="",
        project_id=next((item.project_id for item in (group, *named) if item), ""),
        availability_zone=arguments.zone, group_id=group.id if group else None,
        **others,
    )  # fmt: skip


def _hints(given: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for text in given:
        key, separator, value = text.partition("=")
        if key not in HINTS or not separator:
            raise Invalid(f"a hint is KEY=VALUE with a KEY of {', '.join(HINTS)}, not {text[:64]!r}")
        found[key] = (*found.get(key, ()), value)
    return found


def _image_properties(tx: Tx, image_id: str | None, vanished: bool = False) -> dict[str, str]:
    """``vanished``: the image may be gone, then nothing is known of it."""
    from iaas import context
    from iaas.image.facade import ImageFacade

    if image_id is None:
        return {}
    try:
        return ImageFacade().get(tx, context.system(), image_id).properties
    except NotFound as error:
        if vanished:
            return {}
        raise Invalid(error.message) from error
