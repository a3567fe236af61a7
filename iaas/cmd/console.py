"""iaas-console: shows guests' screens in browsers. Run any number of them behind one address."""

from __future__ import annotations

import threading
from pathlib import Path

from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.cmd import certificates
from iaas.cmd.listen import address, console_url
from iaas.cmd.start import start
from iaas.compute.console_proxy import Server
from iaas.compute.remote_console import Screens
from iaas.config import sections
from iaas.rpc.compute import ComputeRpc


def main() -> None:
    process = start("iaas-console")
    database = process.database()
    transport = connect(process.section(sections.Bus))
    options, api = process.section(sections.Console), process.section(sections.Api)
    pki = certificates.keep(process, Path(options.state_dir) / "pki", process.await_address(""))
    screens = Screens(database=database, hosts=ComputeRpc(Client(transport)), pki=pki)
    host, port, _ = address(options.listen)
    server = Server((host, port), screens.open, Path(options.web), console_url(api, options))
    threading.Thread(target=server.serve_forever, name="console", daemon=True).start()
    process.daemon.on_stop(database.close)
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(server.server_close)
    process.daemon.on_stop(server.shutdown)
    process.daemon.run()
