"""server.create: schedule, network, volumes, spawn; another host after a failed one, ERROR with the reason
at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from iaas import failpoints
from iaas.clock import iso8601
from iaas.conductor.build_volumes import BuildVolumes
from iaas.conductor.flow import Done, Flow, Result, Run, Step, Wait
from iaas.conductor.guests import Guests
from iaas.conductor.hosts import Hosts
from iaas.conductor.placement import Placement
from iaas.db import operations
from iaas.db.compute import nodes, servers
from iaas.db.engine import Database, Tx
from iaas.errors import Internal, NotFound
from iaas.model.operation import JournalLine, Operation
from iaas.model.order import Action, Nic, Power
from iaas.model.server import Server, State, Task
from iaas.network.facade import NetworkFacade
from iaas.rpc.network import NetworkAgentRpc

ROUNDS = 3  # hosts tried for one server
BLAMELESS = ("not_found", "invalid")  # no host could have done it: the image has vanished, or is no image
FINAL = (*BLAMELESS, "timeout")
WIRED_S = 2.0  # longest sleep until the agent's report is looked for again


@dataclass(frozen=True, kw_only=True)
class Build:
    database: Database
    placement: Placement
    network: NetworkFacade
    agents: NetworkAgentRpc
    guests: Guests
    volumes: BuildVolumes
    hosts: Hosts

    def flow(self) -> Flow[Any]:
        return Flow(
            kind="server.create",
            steps=(
                Step("schedule", self.schedule, self.unschedule),
                Step("network", self.wire, self.unwire),
                self.volumes.step(),
                Step("spawn", self.spawn, self.unspawn),
            ),
            finish=self.finish,
            fail=self.fail,
            again=self.again,
        )

    def schedule(self, run: Run) -> Result:
        server = self._server(run)
        placed = self.placement.select(run.operation, server)
        failpoints.hit("conductor.build.after_select")
        chosen = {"host": placed.host, "node": placed.node, "alternates": list(placed.alternates)}
        return Done(chosen, lambda tx: servers.spawn_on(tx, server, placed.host, placed.node))

    def unschedule(self, run: Run) -> Result:
        host = run.data("schedule").get("host")

        def write(tx: Tx) -> None:
            if host and run.operation.error_kind not in BLAMELESS:
                nodes.build_failed(tx, host)
            nodes.release(tx, run.resource_id)
            servers.change(tx, run.resource_id, {"host": None, "node": None})

        return Done(write=write)

    def wire(self, run: Run) -> Result:
        """Binds the ports to the host and sleeps until its agent says that rules, bridge and DHCP are in force."""
        host = run.data("schedule")["host"]

        def write(tx: Tx) -> tuple[tuple[Nic, ...], bool]:
            nics = self.network.bind(tx, run.resource_id, host)
            return nics, self.network.wired(tx, run.resource_id)

        nics, wired = run.write(write)
        if not wired:
            if not self.hosts.is_up("iaas-network", host):
                raise Internal("The host's network agent is down.")
            self.agents.look(host)
            return Wait(WIRED_S)
        return Done({"nics": [{item.name: getattr(nic, item.name) for item in fields(Nic)} for nic in nics]})

    def unwire(self, run: Run) -> Result:
        return Done(write=lambda tx: self.network.unbind(tx, run.resource_id))

    def spawn(self, run: Run) -> Result:
        nics = tuple(Nic(**values) for values in run.data("network")["nics"])
        guest = None if run.report else self.guests.spec(self._server(run), nics, building=True)
        failpoints.hit("conductor.build.before_spawn")
        return self.hosts.compute_step(run, run.data("schedule")["host"], Action.BUILD, guest)

    def unspawn(self, run: Run) -> Result:
        host = run.data("schedule").get("host")
        if host is None or not self.hosts.is_up("iaas-compute", host):
            return Done()  # a dead host destroys what is no longer its own when it comes back
        return self.hosts.compute_step(run, host, Action.DESTROY)

    def finish(self, tx: Tx, run: Run) -> None:
        now = tx.now()
        self.volumes.attached(tx, run, run.data("schedule")["host"])
        servers.finish(tx, run.resource_id, "spawn", power=Power.RUNNING, launched_at=now, fault=None)

    def fail(self, tx: Tx, operation: Operation, reason: str) -> None:
        server = servers.get(tx, operation.resource_id)
        self.network.release(tx, server.id)
        fault = {"code": 500, "message": reason, "created": iso8601(tx.now())}
        failed = [line for line in operations.lines(tx, [operation.id]) if line.result == "Error"]
        if failed and (details := failed[-1].for_operators):
            fault["details"] = details
        event = "schedule" if server.task is Task.SCHEDULING else "spawn"
        servers.fail(tx, server.id, event, fault=fault, power=Power.NONE)

    def again(self, operation: Operation, lines: Mapping[str, JournalLine]) -> dict[str, Any] | None:
        """Another host, when the host was what failed. No valid host, a vanished image, a deadline are final."""
        placed = lines.get("schedule")
        if placed is None or "host" not in placed.data or operation.error_kind in FINAL:
            return None
        tried = [*operation.params.get("exclude", ()), placed.data["host"]]
        if len(tried) >= ROUNDS or operation.params.get("forced_host"):
            return None
        return {**operation.params, "exclude": tried, "alternates": placed.data.get("alternates", [])}

    def _server(self, run: Run) -> Server:
        with self.database.read() as tx:
            server = servers.get(tx, run.resource_id)
        if server.state is not State.BUILDING:
            raise NotFound.of("server", run.resource_id)
        return server
