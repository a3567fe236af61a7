"""iaas-scheduler: chooses hosts and claims their resources. Run any number of them."""

from __future__ import annotations

from iaas.bus.factory import connect
from iaas.bus.server import Server
from iaas.cmd.start import start
from iaas.config import sections
from iaas.rpc.scheduler import SchedulerRpc
from iaas.scheduler.manager import Manager


def main() -> None:
    process = start("iaas-scheduler")
    database = process.database()
    transport = connect(process.section(sections.Bus))
    manager = Manager(database, process.section(sections.Scheduler))
    server = Server(transport, SchedulerRpc, manager, workers=2).start()
    process.beat_into(database)
    process.daemon.on_stop(database.close)
    process.daemon.on_stop(transport.close)
    process.daemon.on_stop(server.stop)
    process.daemon.run()
