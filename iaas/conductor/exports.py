"""Steps of a server's flow that make its volumes reachable, and cut them off: orders to the volume hosts.

An EXPORT order says which exports of a server a volume host has, all of them: repeating it, or giving it after others
were lost, brings the same end. It goes under the server's fence, so a host never follows an overtaken operation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from iaas import failpoints
from iaas.conductor.flow import Done, Result, Run
from iaas.conductor.hosts import Hosts
from iaas.conductor.reconcile_exports import exports_of
from iaas.db import operations
from iaas.db.engine import Database
from iaas.db.volume import attachments, volumes
from iaas.errors import Internal
from iaas.model.volume import Attachment
from iaas.model.volume_order import VolumeAction


@dataclass(frozen=True, kw_only=True)
class Exports:
    """Every method is the body of a step, or of an undo: call it again until it answers Done."""

    database: Database
    hosts: Hosts

    def export(self, run: Run) -> Result:
        """Every volume that is reserved for the server or attached to it is served by its host, under the export name
        that the attachment has now, and under no other. Raises Internal when a volume host is down."""
        return self._order(run, leave=())

    def unexport(self, run: Run, attachment_ids: Collection[str]) -> Result:
        """These are no longer served: who is connected is cut off. The other volumes of the server stay. A volume host
        that is down serves nothing: it is told by the reconciliation when it is back."""
        return self._order(run, leave=attachment_ids)

    def unexport_all(self, run: Run) -> Result:
        return self._order(run, leave=None)

    def _order(self, run: Run, leave: Collection[str] | None) -> Result:
        """One host after the other; the journal line keeps which have done it. ``leave`` None: all."""
        wanted = self._wanted(run.resource_id)
        if run.report is not None:
            self.hosts.volume_step(run, run.line.host or "", VolumeAction.EXPORT)  # raises what the host says
            run = self._told(run)
            failpoints.hit("conductor.exports.after_report")
        for host in sorted(wanted.keys() - set(run.line.data.get("told", ()))):
            if not self.hosts.is_up("iaas-volume", host):
                if leave is not None and not leave:
                    raise Internal("The volume host is down.")
                continue
            kept = [item for item in wanted[host] if leave is not None and item.id not in leave]
            return self.hosts.volume_step(run, host, VolumeAction.EXPORT, exports=exports_of(kept))
        return Done()

    def _wanted(self, server_id: str) -> dict[str, list[Attachment]]:
        """The server's attachments by the host that has the volume."""
        with self.database.read() as tx:
            found = attachments.of_servers(tx, [server_id])
            hosts = volumes.hosts_of(tx, [item.volume_id for item in found])
        by_host: dict[str, list[Attachment]] = {}
        for item in found:
            if item.volume_id in hosts:
                by_host.setdefault(hosts[item.volume_id], []).append(item)
        return by_host

    def _told(self, run: Run) -> Run:
        """The host that answered is done with; the line is free for the next one's report."""
        told = [*run.line.data.get("told", ()), run.line.host]
        changes: dict[str, Any] = {"report": None, "data": {"told": told}}
        run.write(lambda tx: operations.write_line(tx, run.operation, run.line.step, changes))
        return replace(run, line=replace(run.line, **changes))
