"""Steps that a host carries out: send the order, sleep, take the report; send again when the host is silent."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from iaas.conductor.flow import Done, Result, Run, Wait
from iaas.db import operations, services
from iaas.db.compute import servers
from iaas.db.engine import Database, Tx
from iaas.errors import Conflict, Internal, Timeout, Unavailable, revive
from iaas.model.order import Action, GuestSpec, Order
from iaas.model.server import Server
from iaas.model.volume_order import VolumeAction, VolumeOrder
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.volume import VolumeRpc

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """``resend_s``: silence after which an order is sent again; the host knows a repetition by its fence."""

    database: Database
    compute: ComputeRpc
    volume: VolumeRpc
    resend_s: int

    def is_up(self, binary: str, host: str) -> bool:
        with self.database.read() as tx:
            service = services.find(tx, binary, host)
            return service is not None and service.is_up(services.judgement_time(tx))

    def placed(self, run: Run) -> tuple[Server, str]:
        """The server of the operation and the host that it is on. Raises NotFound, Conflict when it is on none."""
        with self.database.read() as tx:
            server = servers.get(tx, run.resource_id)
        if server.host is None:
            raise Conflict("The server is on no host.")
        return server, server.host

    def compute_step(
        self, run: Run, host: str, action: Action, guest: GuestSpec | None = None, timeout_s: int = 60, **payload: Any
    ) -> Result:
        """One order to a compute host; ``payload``: further fields of Order. Raises what the host reported, as its own
        kind."""
        answer = self._answer(run)
        if answer is not None:
            return answer
        order = Order(
            operation_id=run.operation.id,
            step=run.line.step,
            fence=run.operation.fence,
            attempt=self._count(run, host),
            server_id=run.resource_id,
            action=action,
            guest=guest,
            timeout_s=timeout_s,
            **payload,
        )
        self.compute.execute(host, order)
        return Wait(self.resend_s)

    def everywhere(self, run: Run, hosts: Iterable[str], action: Action) -> Result:
        """The same order to each of the hosts, one after the other; the journal line keeps which have done it."""
        if run.report is not None:
            self._answer(run)  # raises what the host says
            told = [*run.line.data.get("told", ()), run.line.host]
            changes: dict[str, Any] = {"report": None, "data": {"told": told}}
            run.write(lambda tx: operations.write_line(tx, run.operation, run.line.step, changes))
            run = replace(run, line=replace(run.line, **changes))
        for host in sorted(set(hosts) - set(run.line.data.get("told", ()))):
            return self.compute_step(run, host, action)
        return Done()

    def volume_step(self, run: Run, host: str, action: VolumeAction, **payload: Any) -> Result:
        """One order to a volume host, under the fence of the operation's resource; ``payload``: fields of VolumeOrder.
        Raises what the host reported, as its own kind."""
        answer = self._answer(run)
        if answer is not None:
            return answer
        order = VolumeOrder(
            operation_id=run.operation.id,
            step=run.line.step,
            fence=run.operation.fence,
            attempt=self._count(run, host),
            subject=run.resource_id,
            action=action,
            **payload,
        )
        self.volume.execute(host, order)
        return Wait(self.resend_s)

    def _answer(self, run: Run) -> Done | None:
        report: dict[str, Any] | None = run.report
        if report is None:
            return None
        if report.get("error"):
            error = revive(report.get("error_kind") or "internal", report["error"], {})
            # What was away at the host has cost the host its chance: it is not waited for like our own dependencies.
            raise Internal(error.message) if isinstance(error, (Unavailable, Timeout)) else error
        return Done({"power": report.get("power"), **(report.get("data") or {})})

    def _count(self, run: Run, host: str) -> int:
        """The number of this send, durable before the message leaves (C-18)."""
        attempt = run.line.attempt + 1

        def write(tx: Tx) -> None:
            operations.write_line(tx, run.operation, run.line.step, {"attempt": attempt, "host": host})

        run.write(write)
        return attempt
