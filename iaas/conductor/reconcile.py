"""Compares what hosts report with what the database says, and repairs the difference (C-12, C-13).

Nothing is done on one look: a difference must be seen twice in a row, in two heartbeats, on a server that no
operation is working on. Numbered, because the audit and the tests cite them:

An ACTIVE, STOPPED, PAUSED or SUSPENDED server follows its guest:

 R1  The guest is off, crashed or gone: the server becomes STOPPED (the guest turned itself off, or QEMU died; F-56;
     or the saved memory is no longer there). Its disk and addresses stay; a start brings it back.
 R2  The guest runs: somebody started it behind our back; the server becomes ACTIVE.
 R6  The guest stands still by somebody's hand (not because a disk did not answer): the server becomes PAUSED.
 R7  The guest's memory is saved (the host's own shutdown does that, too): the server becomes SUSPENDED.

And else:

 R3  A guest with our mark whose server has no claim on the host: destroyed, under the server's fence (the server was
     moved or deleted while the host was away; C-10). A host that was away asks by itself before it takes work.
 R4  A guest with our mark that no row ever knew: reported, never destroyed (a restored database; F-47).
R10  ACTIVE, but a disk did not answer and the hypervisor has paused the guest (F-66): the host is told to let it go on,
     again at every look until it stays running. What a user paused is PAUSED, and is left alone.
 R5  ERROR or anything else: power is recorded, the state is the operator's.
"""

from __future__ import annotations

import logging

from iaas.conductor import ownership
from iaas.db.compute import servers
from iaas.db.compute.servers import Glimpse
from iaas.db.engine import Database
from iaas.ids import new_uuid
from iaas.model.order import Action, Guest, Heartbeat, Order, Power
from iaas.model.server import Server, State
from iaas.rpc.compute import ComputeRpc

log = logging.getLogger(__name__)

_SEEN = {
    Power.NONE: ("R1", State.STOPPED),
    Power.SHUTDOWN: ("R1", State.STOPPED),
    Power.CRASHED: ("R1", State.STOPPED),
    Power.RUNNING: ("R2", State.ACTIVE),
    Power.PAUSED: ("R6", State.PAUSED),
    Power.SUSPENDED: ("R7", State.SUSPENDED),
}
_STATES = dict(_SEEN.values())


class Reconciler:
    """One per conductor. Remembers the last look at each host, bounded by the number of its guests."""

    def __init__(self, database: Database, compute: ComputeRpc) -> None:
        self.database, self.compute = database, compute
        self._suspects: dict[str, frozenset[tuple[str, str]]] = {}  # host -> (rule, server id) of the last look

    def look(self, beat: Heartbeat) -> None:
        """Takes one host's guests. Every rule acts on what was suspect in the look before, too."""
        guests = {guest.server_id: guest for guest in beat.guests or ()}
        with self.database.read() as tx:
            mine = servers.glimpses(tx, beat.host)
            others = servers.by_ids(tx, [id for id in guests if id not in mine])
            strangers = {item.server_id for item in ownership.strangers(tx, beat.host, tuple(guests))}
        found = set(self._differences(guests, mine))
        found |= {("R3", id) for id in strangers} | {("R4", id) for id in guests.keys() - mine.keys() - others.keys()}
        stuck = {("R10", id) for id, guest in guests.items() if guest.io_error and id in mine}
        before = self._suspects.get(beat.host, frozenset())
        again = found & before
        self._suspects[beat.host] = frozenset(found | stuck)
        for rule, server_id in sorted(stuck):
            self._recover(beat.host, mine[server_id], first=(rule, server_id) not in before)
        for rule, server_id in sorted(again):
            server = mine.get(server_id) or others.get(server_id)
            self._repair(beat.host, rule, server_id, server, guests.get(server_id))

    def _differences(self, guests: dict[str, Guest], mine: dict[str, Glimpse]) -> list[tuple[str, str]]:
        found = []
        for server in mine.values():
            power = guests[server.id].power if server.id in guests else Power.NONE
            if server.task is not None:
                continue
            rule, state = _SEEN[power]
            stuck = server.id in guests and guests[server.id].io_error
            if server.state in _STATES.values() and server.state is not state and not stuck:
                found.append((rule, server.id))
            elif power is not server.power:
                found.append(("R5", server.id))
        return found

    def _recover(self, host: str, server: Glimpse, first: bool) -> None:
        """R10. Under the fence that the server has: whatever is asked of it goes before."""
        if server.state is State.ACTIVE and server.task is None:
            if first:
                log.warning("R10: an I/O error paused the guest of server %s on %s: it is let go on", server.id, host)
            order = Order(operation_id=new_uuid(), step="recover", fence=server.fence, attempt=1, server_id=server.id,
                          action=Action.RECOVER)  # fmt: skip
            self.compute.execute(host, order)

    def _repair(
        self, host: str, rule: str, server_id: str, server: Server | Glimpse | None, guest: Guest | None
    ) -> None:
        power = guest.power if guest else Power.NONE
        if rule == "R4":
            log.warning("R4: a guest %s on %s is in no row: left alone", server_id, host)
            return
        assert server is not None
        if rule == "R3":
            log.warning("R3: the guest of server %s on %s is no longer its own: destroyed", server_id, host)
            order = Order(operation_id=new_uuid(), step="reconcile", fence=server.fence, attempt=1,
                          server_id=server_id, action=Action.DESTROY)  # fmt: skip
            self.compute.execute(host, order)
            return
        state = _STATES.get(rule, server.state)
        if self.database.run(lambda tx: servers.observe(tx, server, state, power)):
            log.info("%s: server %s on %s is %s, power %s", rule, server_id, host, state, power)
