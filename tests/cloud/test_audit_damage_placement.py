"""F-94 for server groups, aggregates, moves, attachments, exports, snapshots: each kind of damage is planted, reported
exactly, and healed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iaas.clock import ManualClock
from iaas.compute import aggregates, server_groups
from iaas.db import quotas
from iaas.db.engine import Database, Tx
from iaas.db.schema.compute import aggregate_hosts, migrations, servers
from iaas.db.schema.compute import aggregates as aggregate_rows
from iaas.db.schema.operations import quota_usage
from iaas.db.schema.volume import snapshots, volume_attachments, volume_backends
from iaas.db.volume import backends
from iaas.ids import new_uuid
from tests.cloud import volumes
from tests.cloud.attached import attach
from tests.cloud.busy import Busy, Found
from tests.cloud.harness import PROJECT
from tests.cloud.servers import boot

STRANGER = "00000000-0000-4000-8000-00000000dead"


class Placed(Busy):
    """The busy cloud with a group of two servers apart, an aggregate, an attached volume and a snapshot."""

    def __init__(self, root: Path, database: Database, clock: ManualClock) -> None:
        super().__init__(root, database, clock)
        cloud = self.cloud
        self.group = server_groups.create(cloud.compute, cloud.context, "g", "anti-affinity", {}).id
        self.pair = [boot(cloud, group_id=self.group) for _ in range(2)]
        for id in self.pair:
            image_id = self.server(id).image_id or ""
            self.filled(image_id, f"{image_id}.0")
        made = aggregates.create(cloud.compute, "racks", "z1")
        aggregates.add_host(cloud.compute, made.id, "host2")
        self.data = volumes.make(cloud, 2)
        self.attachment = attach(cloud, self.pair[0], self.data).id
        self.snapshot = new_uuid()
        cloud.database.run(self._snapshot)
        self.volumes.snapshots[self.snapshot] = 1
        cloud.settle()

    def _snapshot(self, tx: Tx) -> None:
        """As its flow leaves one of the busy cloud's volume."""
        now = tx.now()
        tx.insert(snapshots, {
            "id": self.snapshot, "project_id": PROJECT, "user_id": "u", "volume_id": self.volume, "size_gb": 1,
            "state": "available", "metadata": {}, "created_at": now, "updated_at": now,
        })  # fmt: skip
        quotas.count(tx, PROJECT, {"snapshots": 1, "gigabytes": 1})
        assert backends.take(tx, "volume1", 1)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Placed]:
    root, clock = tmp_path_factory.mktemp("placed"), ManualClock()
    (root / "iaas.sqlite").write_bytes(database_template.read_bytes())
    database = Database(f"sqlite:///{root}/iaas.sqlite", clock=clock)
    yield Placed(root, database, clock)
    database.close()


Damage = tuple[AbstractContextManager[Any], Found]
DAMAGES: dict[str, Callable[[Placed], Damage]] = {}


def damage(make: Callable[[Placed], Damage]) -> Callable[[Placed], Damage]:
    DAMAGES[make.__name__] = make
    return make


@contextmanager
def made(busy: Placed, table: Any, **values: Any) -> Iterator[None]:
    """A row more."""
    busy.cloud.database.run(lambda tx: tx.insert(table, values))
    yield
    key, *_ = table.primary_key
    same = [column == values[column.name] for column in table.primary_key if column.name in values] or [
        table.c.uuid == values["uuid"]
    ]
    assert key is not None
    busy.cloud.database.run(lambda tx: tx.delete(table, same[0] if len(same) == 1 else same[0] & same[1]))


# Placement ------------------------------------------------------------------------------------------------------


@damage
def server_in_a_group_that_is_gone(busy: Placed) -> Damage:
    ghost = busy.row(servers, servers.c.id == busy.pair[0], group_id=STRANGER)
    return ghost, {("I-07", f"server {busy.pair[0]}")}


@damage
def group_whose_servers_share_a_host(busy: Placed) -> Damage:
    """A third one, put into the group behind its back."""
    third = busy.web
    return busy.row(servers, servers.c.id == third, group_id=busy.group), {("I-07", f"server group {busy.group}")}


@damage
def groups_miscounted(busy: Placed) -> Damage:
    mine = (quota_usage.c.project_id == PROJECT) & (quota_usage.c.resource == "server_groups")
    return busy.row(quota_usage, mine, used=7), {("I-08", f"quota server_groups of {PROJECT}")}


@damage
def aggregate_with_a_host_that_is_gone(busy: Placed) -> Damage:
    first = busy.one(aggregate_rows).id
    return made(busy, aggregate_hosts, aggregate_id=first, host="nowhere"), {("I-07", "host nowhere")}


@damage
def host_in_two_zones(busy: Placed) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        second = aggregates.create(busy.cloud.compute, "rows", "z2").id
        with made(busy, aggregate_hosts, aggregate_id=second, host="host2"):
            yield
        aggregates.delete(busy.cloud.compute, second)

    return plant(), {("I-07", "host host2")}


@damage
def move_that_nobody_works_on(busy: Placed) -> Damage:
    now = busy.cloud.clock.now()
    record = made(
        busy, migrations, id=99, uuid=new_uuid(), server_id=busy.web, project_id=PROJECT, user_id="u",
        operation_id=new_uuid(), kind="live-migration", status="running", source_host="host1", created_at=now,
        updated_at=now,
    )  # fmt: skip
    return record, {("I-12", "migration 99")}


# Attachments and exports ----------------------------------------------------------------------------------------


def volume_of(busy: Placed) -> str:
    return f"volume {busy.data} of server {busy.pair[0]}"


def export_of(busy: Placed, attachment: str) -> str:
    return f"export {attachment} on volume1"


@damage
def attachment_that_is_lost(busy: Placed) -> Damage:
    """The guest has its disk and is served it, and no row says so."""
    row = busy.without(volume_attachments, volume_attachments.c.id == busy.attachment)
    guest = f"disk {busy.data} of guest {busy.pair[0]} on {busy.server(busy.pair[0]).host}"
    volume = f"volume {busy.data}"
    return row, {("I-09", guest), ("I-09", export_of(busy, busy.attachment)), ("I-09", volume)}


@damage
def attachment_under_another_name(busy: Placed) -> Damage:
    """A move that forgot to give the old host's name away."""
    row = busy.row(volume_attachments, volume_attachments.c.id == busy.attachment, export=STRANGER)
    return row, {("I-09", volume_of(busy)), ("I-09", export_of(busy, busy.attachment))}


@damage
def attachment_to_another_host(busy: Placed) -> Damage:
    row = busy.row(volume_attachments, volume_attachments.c.id == busy.attachment, host="nowhere")
    return row, {("I-09", volume_of(busy))}


@damage
def attachment_of_a_server_that_is_gone(busy: Placed) -> Damage:
    row = busy.one(volume_attachments, volume_attachments.c.id == busy.attachment)
    stray = new_uuid()
    extra = busy.extra(volume_attachments, row, id=stray, server_id=STRANGER)
    return extra, {
        ("I-09", f"attachment {stray}"),
    }


@damage
def attachment_on_its_way_with_no_operation(busy: Placed) -> Damage:
    row = busy.row(volume_attachments, volume_attachments.c.id == busy.attachment, state="detaching")
    return row, {("I-12", f"attachment {busy.attachment}"), ("I-09", f"volume {busy.data}")}


@damage
def export_that_nobody_serves(busy: Placed) -> Damage:
    """The storage daemon forgot it."""
    return busy.item(busy.volumes.served, busy.attachment), {("I-09", export_of(busy, busy.attachment))}


@damage
def export_without_a_promise(busy: Placed) -> Damage:
    stray = new_uuid()
    like = replace(busy.volumes.served[busy.attachment], attachment_id=stray, name=stray)
    return busy.item(busy.volumes.served, stray, like), {("I-09", export_of(busy, stray))}


def with_volumes(busy: Placed, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> AbstractContextManager[Any]:
    """The attached server's guest with other volumes in its definition."""
    server_id = busy.pair[0]
    domains = busy.cloud.hosts[busy.server(server_id).host].hypervisor.domains
    found = domains[server_id]
    return busy.item(
        domains, server_id, replace(found, guest=replace(found.guest, volumes=change(found.guest.volumes)))
    )


@damage
def guest_whose_volume_went_out_of_its_definition(busy: Placed) -> Damage:
    """It runs with the volume, and would come back without it."""
    return with_volumes(busy, lambda volumes: ()), {("I-09", volume_of(busy))}


@damage
def guest_with_a_disk_of_no_attachment(busy: Placed) -> Damage:
    """Left by a detach that a host never heard of."""
    disk = f"disk {STRANGER} of guest {busy.pair[0]} on {busy.server(busy.pair[0]).host}"
    return with_volumes(busy, lambda volumes: (*volumes, replace(volumes[0], volume_id=STRANGER))), {("I-09", disk)}


# Snapshots and pools --------------------------------------------------------------------------------------------


@damage
def snapshot_without_file(busy: Placed) -> Damage:
    return busy.item(busy.volumes.snapshots, busy.snapshot), {("I-09", f"snapshot {busy.snapshot}")}


@damage
def file_of_a_snapshot_that_is_gone(busy: Placed) -> Damage:
    return busy.item(busy.volumes.snapshots, STRANGER, 1), {("I-09", f"file of snapshot {STRANGER} on volume1")}


@damage
def pool_that_promised_what_is_not_there(busy: Placed) -> Damage:
    used = busy.one(volume_backends).used_gb
    return busy.row(volume_backends, volume_backends.c.host == "volume1", used_gb=used + 5), {
        ("I-09", "pool of volume1")
    }


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_audit_reports_exactly(busy: Placed, kind: str) -> None:
    """Before and after, the busy cloud is clean: no false alarm (F-94)."""
    assert busy.audit() == set()
    how, expected = DAMAGES[kind](busy)
    with how:
        assert busy.audit() == expected
    assert busy.audit() == set()
