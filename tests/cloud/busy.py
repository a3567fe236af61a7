"""A busy cloud in which everything is right, and ways of doing damage to it that undo themselves. For F-94."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from iaas.audit.evidence import Evidence, Witnesses, gather
from iaas.audit.invariants import violations
from iaas.bus.client import Client
from iaas.clock import ManualClock
from iaas.compute import keypairs, lifecycle
from iaas.config import sections
from iaas.db import quotas
from iaas.db.engine import Database, Tx
from iaas.db.image import uploads
from iaas.db.schema.compute import servers
from iaas.db.schema.image import image_locations, images
from iaas.db.schema.network import network_hosts, ports
from iaas.db.schema.operations import operations
from iaas.errors import Internal
from iaas.ids import new_uuid
from iaas.image.services import make
from iaas.rpc.compute import ComputeRpc
from iaas.rpc.network import NetworkAgentRpc
from iaas.rpc.volume import VolumeRpc
from tests.cloud import volumes
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, network, order

Found = set[tuple[str, str]]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHAbEuUtSpcPgCOyIyRVAyrgL5pHYbBz1ZBvHzA2mUm3 a@b"


class Busy:
    """A cloud in which everything is there, some of it under way, and everything is right."""

    def __init__(self, root: Path, database: Database, clock: ManualClock) -> None:
        self.cloud = cloud = Cloud(root, database, clock)
        self.images = make(database, sections.Image(directory=str(root / "store")))
        cloud.add_volumes(1)
        self.network = network(cloud)
        self.web, self.db, self.off = (boot(cloud, self.network) for _ in range(3))
        lifecycle.stop(cloud.compute, cloud.context, self.off)
        self._failed_server()
        self.volume = volumes.make(cloud)
        self.volumes = cloud.volume_hosts["volume1"].backend
        keypairs.create(cloud.compute, cloud.context, cloud.context.user_id or "", "key", KEY)
        cloud.settle()
        delete(cloud, boot(cloud, self.network))
        order(cloud, self.network)
        self._images()
        self._blocked_port()
        self.host = cloud.hosts[cloud.server(self.web).host or ""]
        self.other = next(host for host in cloud.hosts.values() if host is not self.host)
        self.port = self.one(ports, ports.c.server_id == self.web)
        self.dhcp = cloud.hosts[self.one(network_hosts).host]
        self.dhcp.network.lease(self.network, self.port.mac)

    def _failed_server(self) -> None:
        for host in self.cloud.hosts.values():
            host.hypervisor.fail("define", Internal("no more memory"), times=1)
        boot(self.cloud, self.network)

    def _images(self) -> None:
        """Those that the servers came from get their byte; and one is queued, one on its way up."""
        database = self.cloud.database
        with database.read() as tx:
            rows = tx.all(sa.select(images))
        for row in rows:
            self.filled(row.id, f"{row.id}.{row.generation}")
        self.image, self.queued, self.saving = rows[0].id, new_uuid(), new_uuid()
        like = {**rows[0]._mapping, "state": "queued", "size": None}
        for image_id in (self.queued, self.saving):
            database.run(partial(_insert, row={**like, "id": image_id}))
        database.run(lambda tx: quotas.count(tx, self.cloud.context.owner, {"images": 2}))
        image = database.run(lambda tx: uploads.begin(tx, self.saving, "upload", ["filesystem"], 60))
        database.run(lambda tx: uploads.beat(tx, image, 60, 1 << 20, -1))
        self.images.stores["filesystem"].writer(image.blob).write(b"part")

    def _blocked_port(self) -> None:
        """Administratively down: its device has no rules, rightly."""
        port = self.one(ports, ports.c.server_id == self.db)
        self.cloud.database.run(lambda tx: tx.update(ports, ports.c.id == port.id, {"admin_state_up": False}))
        for host in self.cloud.hosts.values():
            host.loop.look()
            host.loop.round()

    def evidence(self) -> Evidence:
        client = Client(self.cloud.bus, clock=self.cloud.clock)
        witnesses = Witnesses(
            database=self.cloud.database, compute=ComputeRpc(client), network=NetworkAgentRpc(client),
            volume=VolumeRpc(client), stores=self.images.stores, ratios=(16.0, 1.0, 1.0),
        )  # fmt: skip
        return gather(witnesses, len(self.cloud.bus.dead_letters(100)))

    def audit(self) -> Found:
        """(invariant, subject) of every violation; every host must have answered."""
        evidence = self.evidence()
        assert evidence.silent == ()
        return {(found.invariant, found.subject) for found in violations(evidence)}

    # -- how damage is done, and undone ---------------------------------------------------------------------------

    def one(self, table: sa.Table, where: Any = None) -> Any:
        with self.cloud.database.read() as tx:
            query = sa.select(table)
            return tx.first(query if where is None else query.where(where))

    @contextmanager
    def row(self, table: sa.Table, where: Any, **values: Any) -> Iterator[None]:
        before = self.one(table, where)
        self.cloud.database.run(lambda tx: tx.update(table, where, values))
        yield
        same = sa.and_(*(column == before._mapping[column.name] for column in table.primary_key))
        self.cloud.database.run(lambda tx: tx.update(table, same, {name: before._mapping[name] for name in values}))

    @contextmanager
    def without(self, table: sa.Table, where: Any) -> Iterator[None]:
        before = self.one(table, where)
        self.cloud.database.run(lambda tx: tx.delete(table, where))
        yield
        self.cloud.database.run(lambda tx: tx.insert(table, dict(before._mapping)))

    @contextmanager
    def extra(self, table: sa.Table, like: Any = None, **values: Any) -> Iterator[None]:
        row = {**(like._mapping if like else {}), **values}
        self.cloud.database.run(lambda tx: tx.insert(table, row))
        yield
        same = sa.and_(*(column == row[column.name] for column in table.primary_key))
        self.cloud.database.run(lambda tx: tx.delete(table, same))

    def filled(self, image_id: str, blob: str) -> None:
        """The image's byte is in the store, and the row says so."""
        self.store(blob)
        place = {"image_id": image_id, "store": "filesystem", "name": blob, "state": "active"}
        self.cloud.database.run(partial(_insert, row=place, table=image_locations))

    def store(self, name: str, data: bytes = b"x") -> None:
        writer = self.images.stores["filesystem"].writer(name)
        writer.write(data)
        writer.commit()

    @contextmanager
    def stored(self, name: str) -> Iterator[None]:
        self.store(name)
        yield
        self.images.stores["filesystem"].delete(name)

    @contextmanager
    def item(self, mapping: Any, key: Any, value: Any = None) -> Iterator[None]:
        """Another value, or none, in a dictionary of a fake."""
        before = mapping.pop(key, None)
        if value is not None:
            mapping[key] = value
        yield
        mapping.pop(key, None)
        if before is not None:
            mapping[key] = before

    def server(self, server_id: str) -> Any:
        return self.one(servers, servers.c.id == server_id)

    def operation(self) -> Any:
        """The creation that nobody has taken up; there is a deletion, too."""
        return self.one(operations, (operations.c.state == "queued") & (operations.c.kind == "server.create"))


def _insert(tx: Tx, row: dict[str, Any], table: sa.Table = images) -> None:
    tx.insert(table, row)
