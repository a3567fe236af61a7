"""iaas-network: the controller (database side), the agent of one host, or both in one process.

One process a host: its heartbeat tells all its roles (``--role``, repeated). An agent does what the controller assigns
to its host; the controller gives DHCP servers and routers to hosts with these roles only (A-026).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from iaas import plugins
from iaas.bus.client import Client
from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.bus.transport import Transport
from iaas.cmd.start import Start, start
from iaas.config import sections
from iaas.model.service import AGENT_ROLES, L2
from iaas.network.agent.loop import Loop
from iaas.network.agent.manager import NetworkAgentManager
from iaas.network.drivers.driver import DriverSettings
from iaas.rpc.conductor import ConductorRpc
from iaas.rpc.network import NetworkAgentRpc, NetworkRpc

CONTROLLER, AGENT = "controller", "agent"  # "agent" is all roles of an agent
REPAIR_S = 5.0


def main() -> None:
    process = start("iaas-network", _arguments)
    transport = connect(process.section(sections.Bus))
    process.daemon.on_stop(transport.close)
    told = roles(process.arguments.role)
    if CONTROLLER in told:
        _controller(process, transport)
    end = process.await_address(process.section(sections.Network).local_ip) if told != (CONTROLLER,) else ""
    if end:
        _agent(process, transport, end)
    process.beat_over(Client(transport), address=end, roles=told)
    process.daemon.run()


def roles(given: Sequence[str] | None) -> tuple[str, ...]:
    """Of ``--role`` options, in a fixed order, ``agent`` spelled out; without any: all there are."""
    wanted = set(given or (CONTROLLER, AGENT))
    if wanted & {AGENT, *AGENT_ROLES}:
        wanted |= set(AGENT_ROLES) if AGENT in wanted else {L2}  # DHCP servers and routers stand on wired networks
    return tuple(role for role in (CONTROLLER, *AGENT_ROLES) if role in wanted)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--role", action="append", choices=(CONTROLLER, AGENT, *AGENT_ROLES),
        help="repeated: all that this host has (default: controller and agent). agent: l2, dhcp, l3 and metadata; each "
        "of these alone: with l2. A compute host whose networks are served elsewhere has l2. Agents open no database",
    )  # fmt: skip


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


def _agent(process: Start, transport: Transport, end: str) -> None:
    options, auth = process.section(sections.Network), process.section(sections.Auth)
    physical = dict(pair.split(":", 1) for pair in options.physical_networks)
    driver = plugins.load("iaas.network.drivers", options.driver)(
        DriverSettings(
            state_dir=Path(options.state_dir),
            domain=options.domain,
            metadata_url=options.metadata_url,
            metadata_secret=auth.metadata_secret,
            mark=options.mark,
            local_ip=end,
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
