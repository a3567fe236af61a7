"""iaas-network: the controller (database side), the agent of one host, or both in one process (``--role``)."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from iaas import plugins
from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.bus.transport import Transport
from iaas.cmd.start import Start, start
from iaas.config import sections
from iaas.network.agent.loop import Loop
from iaas.network.agent.manager import NetworkAgentManager
from iaas.network.drivers.driver import DriverSettings
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.network import NetworkAgentRpc, NetworkRpc

ROLES = ("controller", "agent")
REPAIR_S = 5.0


def main() -> None:
    process = start("iaas-network", _arguments)
    transport = connect(process.section(sections.Bus))
    process.daemon.on_stop(transport.close)
    roles = process.arguments.role or ROLES
    if "controller" in roles:
        _controller(process, transport)
    if "agent" in roles:
        _agent(process, transport)
        process.beat_over(Client(transport))
    process.daemon.run()


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", action="append", choices=ROLES, help="default: both; agents open no database")


def _controller(process: Start, transport: Transport) -> None:
    from iaas.network.controller import Controller
    from iaas.network.settings import Settings
    from iaas.network.waiting import ring

    database, client = process.database(), Client(transport)
    look = NetworkAgentRpc(client).look
    settings = Settings.of(process.section(sections.Network), process.section(sections.Quota), look)
    controller = Controller(database, settings, partial(ring, ConductorRpc(client).run))
    server = Server(transport, NetworkRpc, controller, workers=2).start()
    process.daemon.every(REPAIR_S, "repair", controller.repair)
    process.daemon.on_stop(database.close)
    process.daemon.on_stop(server.stop)


def _agent(process: Start, transport: Transport) -> None:
    options, auth = process.section(sections.Network), process.section(sections.Auth)
    physical = dict(pair.split(":", 1) for pair in options.physical_networks)
    driver = plugins.load("iaas.network.drivers", options.driver)(
        DriverSettings(
            state_dir=Path(options.state_dir),
            domain=options.domain,
            metadata_url=options.metadata_url,
            metadata_secret=auth.metadata_secret,
            mark=options.mark,
        )
    )
    rpc = NetworkRpc(Client(transport))
    loop = Loop(host=process.host, rpc=rpc, driver=driver, physical=physical, interval=options.interval)
    manager = NetworkAgentManager(loop.look, driver)
    server = Server(transport, NetworkAgentRpc, manager, host=process.host, workers=2).start()
    loop.start()
    process.daemon.on_stop(driver.close)
    process.daemon.on_stop(loop.stop)
    process.daemon.on_stop(server.stop)
