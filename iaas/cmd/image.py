"""iaas-image: the image API, and the sweeper of its store."""

from __future__ import annotations

from iaas.api.image import protected
from iaas.api.image.access import EXTRA_RULES
from iaas.api.policy import BASE
from iaas.api.rulebook import rules_of
from iaas.cmd.http import serve
from iaas.cmd.start import start
from iaas.cmd.strategy import identity_of
from iaas.cmd.wsgi import application
from iaas.config import sections
from iaas.image import importer
from iaas.image import services as image
from iaas.image.sweep import sweep

SWEEP_S = 30.0
FORGOTTEN_S = 3600.0  # data that no image owns are removed when they are older


def main() -> None:
    process = start("iaas-image")
    database = process.database()
    services = image.from_config(database, process.config)
    identity = identity_of(process, database)
    known = {rule.name for rule in (*BASE, *rules_of("image"))}
    rules = (*EXTRA_RULES, *protected.rules(services.protections, known))
    app = application(process, "image", services, identity.authenticate_upload, rules)
    api = process.section(sections.Api)
    process.daemon.on_stop(database.close)
    serve(process.daemon, {api.image_listen: app}, api.threads)
    process.beat_into(database)
    process.daemon.every(SWEEP_S, "sweeper", lambda: sweep(services, FORGOTTEN_S))
    for number in range(services.options.import_workers):
        process.daemon.every(0.05, f"importer-{number}", lambda: importer.work(services))
    process.daemon.run()
