"""iaas-identity: the identity API. Run any number of them on one key repository."""

from __future__ import annotations

from iaas.cmd.http import serve
from iaas.cmd.start import start
from iaas.cmd.strategy import own_identity
from iaas.cmd.wsgi import application
from iaas.config import sections
from iaas.identity.service import IdentityServices


def main() -> None:
    process = start("iaas-identity")
    database = process.database()
    auth, compliance = process.section(sections.Auth), process.section(sections.SecurityCompliance)
    services = IdentityServices.open(database, auth, compliance=compliance)
    app = application(process, "identity", services, own_identity(process, services).authenticate)
    api = process.section(sections.Api)
    process.daemon.on_stop(database.close)
    serve(process.daemon, {api.identity_listen: app}, api.threads)
    process.beat_into(database)
    process.daemon.run()
