"""CPU time of issuing and validating tokens, and its ratio to the bare cryptography below it.

    .venv/bin/python -m bench.tokens [--count 2000] [--rounds 12]

Prints one line a measure: CPU milliseconds per operation (user + system of this process), and the ratio. The
wanted figures: validating at most 1 ms, remembered or not; issuing little more than the password's own hash.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bcrypt
from werkzeug.test import Client

from iaas.api.app import make_app
from iaas.api.identity.dialect import DIALECT
from iaas.api.policy import Policy
from iaas.api.route import collect
from iaas.config.sections import Auth
from iaas.db.engine import Database
from iaas.identity.bootstrap import Urls
from iaas.identity.facade import IdentityFacade
from iaas.identity.login import Credentials, Wanted
from iaas.identity.service import IdentityServices
from iaas.model.project import DEFAULT_DOMAIN
from iaas.model.token import ScopeKind
from iaas.model.user import Reference
from tests.conftest import create_all

PASSWORD = "benchmark"
TYPES = ("identity", "image", "compute", "network", "volumev3")


def cost(work: Callable[[], object], count: int) -> float:
    """CPU milliseconds of one call, the best of three rounds."""
    work()
    rounds = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(count):
            work()
        rounds.append((time.process_time() - started) * 1000 / count)
    return min(rounds)


def line(name: str, milliseconds: float, bare: float | None = None) -> None:
    ratio = "" if bare is None else f"   {milliseconds / bare:8.2f} x bare"
    print(f"{name:<48}{milliseconds:10.4f} ms CPU{ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=12, help="bcrypt's cost")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(Path(directory), chosen.count, chosen.rounds)


def measure(directory: Path, count: int, rounds: int) -> None:
    database = Database(f"sqlite:///{directory / 'bench.sqlite'}")
    create_all(database)
    services = IdentityServices.open(database, Auth(key_repository=str(directory / "keys"), bcrypt_rounds=rounds))
    facade = IdentityFacade(services)
    facade.bootstrap(PASSWORD, {kind: Urls(f"http://{kind}/$(project_id)s") for kind in TYPES})
    admin = Reference(name="admin", domain_id=DEFAULT_DOMAIN)
    credentials = Credentials(user=admin, password=PASSWORD)
    wanted = Wanted(kind=ScopeKind.PROJECT, reference=admin)
    token = services.login.issue(credentials, wanted).token
    padded = (token + "=" * (-len(token) % 4)).encode()
    few = max(3, count // 400)

    fernet = cost(lambda: services.keys.ring().decrypt(padded), count)
    line("bare: Fernet decrypt", fernet)
    validator = services.validator
    line("validate, remembered", cost(lambda: validator.access(token), count), fernet)
    line("validate, read from the database", cost(lambda: validator.access(token, fresh=True), count), fernet)

    known = bcrypt.hashpw(b"x", bcrypt.gensalt(rounds))
    checked = cost(lambda: bcrypt.checkpw(b"x", known), few)
    line(f"bare: bcrypt check, cost {rounds}", checked)
    line("issue by password", cost(lambda: services.login.issue(credentials, wanted), few), checked)
    line("issue without a password", cost(lambda: services.login.mint(admin, admin, 60), count // 4), fernet)

    routes = collect("iaas.api.identity")
    app = make_app(DIALECT, routes, services, Policy.of_routes(routes), facade.authenticate)
    http = Client(app)
    headers = {"X-Auth-Token": token, "X-Subject-Token": token}
    floor = cost(lambda: http.get("/v3"), count // 4)
    line("bare: GET /v3 in this process", floor)
    line(
        "GET /v3/auth/tokens with the catalog",
        cost(lambda: http.get("/v3/auth/tokens", headers=headers), count // 4),
        floor,
    )
    nocatalog = "/v3/auth/tokens?nocatalog"
    line("GET /v3/auth/tokens without it", cost(lambda: http.get(nocatalog, headers=headers), count // 4), floor)
    database.close()


if __name__ == "__main__":
    main()
