"""``bootstrap``: what a cloud starts with. May be repeated: it repairs, and changes nothing that is right."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from iaas.cmd.listen import url
from iaas.config import sections
from iaas.config.loader import Loaded
from iaas.errors import Invalid

# The flavors of the seed: name, id, RAM MiB, disk GiB, vCPUs.
FLAVORS = (
    ("m1.tiny", "1", 512, 1, 1),
    ("m1.small", "2", 2048, 20, 1),
    ("m1.medium", "3", 4096, 40, 2),
    ("m1.large", "4", 8192, 80, 4),
    ("m1.xlarge", "5", 16384, 160, 8),
)


def add(nouns: Any) -> None:
    parser = nouns.add_parser("bootstrap", help="keys, roles, the admin, the catalog, flavors, metadata definitions")
    parser.add_argument("--admin-password-file", required=True, metavar="FILE")
    parser.add_argument("--region", default="RegionOne")
    parser.set_defaults(run=run)


def run(config: Loaded, arguments: argparse.Namespace) -> None:
    from iaas.db.engine import Database
    from iaas.identity.bootstrap import Urls
    from iaas.identity.facade import IdentityFacade
    from iaas.image import starter

    try:
        password = Path(arguments.admin_password_file).read_text().strip()
    except OSError as error:
        raise Invalid(f"can't read the password file: {error.strerror}") from error
    api = config.section(sections.Api)
    endpoints = {
        "identity": Urls(url(api, "identity") + "/v3"),
        "image": Urls(url(api, "image")),
        "compute": Urls(url(api, "compute") + "/v2.1"),
        "network": Urls(url(api, "network")),
        "volumev3": Urls(url(api, "volume") + "/v3"),
    }
    database = Database(config.section(sections.Database).connection)
    identity = IdentityFacade.open(database, config.section(sections.Auth))
    for change in identity.bootstrap(password, endpoints, arguments.region):
        print(change)
    for name in _flavors(database):
        print(f"created the flavor {name}")
    for name in starter.plant(database):
        print(f"created the metadata definitions {name}")


def _flavors(database: Any) -> list[str]:
    from iaas.db.compute import flavors
    from iaas.db.engine import Tx
    from iaas.model.flavor import Flavor

    def write(tx: Tx) -> list[str]:
        if flavors.any_exist(tx):
            return []  # an operator's deletions stay deleted
        for name, flavor_id, ram, disk, vcpus in FLAVORS:
            flavors.insert(tx, Flavor(id=flavor_id, name=name, ram_mb=ram, disk_gb=disk, vcpus=vcpus))
        return [name for name, *_ in FLAVORS]

    result: list[str] = database.run(write)
    return result
