"""``image quota``: what a project's images may take; ``image restore``: a deleted image whose data are there yet."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from iaas.cmd import project_option
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.errors import Invalid, NotFound


def add(nouns: Any) -> None:
    verbs = nouns.add_parser("image", help="images").add_subparsers(dest="verb", required=True)
    quota = verbs.add_parser("quota", help="show or set what the images of a project may take")
    whose = quota.add_mutually_exclusive_group(required=True)
    whose.add_argument("project", metavar="PROJECT_ID", nargs="?", default=argparse.SUPPRESS)
    project_option.add(whose, "the same as an option")
    quota.add_argument("--bytes", type=amount, metavar="N", help="in stores, all images together; -1: no limit")
    quota.add_argument("--images", type=amount, metavar="N", help="how many; -1: no limit")
    quota.add_argument("--default", action="store_true", help="back to what the configuration says")
    quota.set_defaults(run=_quota)
    restore = verbs.add_parser("restore", help="bring back a deleted image ([image] delayed_delete_s)")
    restore.add_argument("image", metavar="IMAGE_ID")
    restore.set_defaults(run=_restore)


def amount(text: str) -> int:
    number = int(text)
    if not -1 <= number < 2**63:
        raise ValueError(text)
    return number


def _quota(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db import quotas
    from iaas.db.engine import Database, Tx
    from iaas.db.identity import projects
    from iaas.db.image.images import BYTES, COUNT
    from iaas.model.user import Reference

    options = config.section(sections.Image)
    wanted = {BYTES: arguments.bytes, COUNT: arguments.images}
    changes = {name: limit for name, limit in wanted.items() if limit is not None}
    if arguments.default and changes:
        raise Invalid("Either --default or a limit.")

    def work(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
        if config.section(sections.Auth).strategy == "local" and not (  # else projects are known elsewhere
            projects.project_id(tx, Reference(id=arguments.project)) or quotas.usage(tx, arguments.project)
        ):
            raise NotFound(f"There is no project with the id {arguments.project}.")
        if arguments.default:
            quotas.clear_limits(tx, arguments.project, tuple(wanted))
        quotas.set_limits(tx, arguments.project, changes)
        defaults = {BYTES: options.project_quota, COUNT: options.project_images}
        return quotas.limits(tx, arguments.project, defaults), quotas.usage(tx, arguments.project)

    run: Callable[..., Any] = Database(config.section(sections.Database).connection).run
    limits, used = run(work)
    for name in wanted:
        limit = str(limits[name]) if limits[name] >= 0 else "unlimited"
        print(f"{name}: {used.get(name, 0)} of {limit}")


def _restore(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db.engine import Database
    from iaas.image import delete

    restored = delete.restore(Database(config.section(sections.Database).connection), arguments.image)
    print(f"image {restored.id} is {restored.status} again")
