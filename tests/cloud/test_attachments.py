"""What other services may ask of volumes: attachments, what they make of the volume's state, and exports by order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from iaas.conductor.exports import Exports
from iaas.conductor.flow import Done, Run
from iaas.db import operations, services
from iaas.db.engine import Tx
from iaas.db.volume import attachments
from iaas.errors import Conflict, Internal, Invalid, NotFound, QuotaExceeded
from iaas.ids import new_uuid
from iaas.model.operation import Operation
from iaas.model.volume import Attachment, AttachmentState, State
from iaas.model.volume_order import Export
from iaas.volume import lifecycle
from iaas.volume.facade import NewVolume, VolumeFacade
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, network
from tests.cloud.volumes import delete, found, make, volume

SERVER = "11111111-2222-4333-8444-555555555555"


@pytest.fixture(autouse=True)
def hosts(cloud: Cloud) -> None:
    cloud.add_volumes(2)


@pytest.fixture
def facade(cloud: Cloud) -> VolumeFacade:
    return VolumeFacade(cloud.volumes)


def do(cloud: Cloud, act: Callable[[Tx], Any]) -> Any:
    return cloud.database.run(act)


def reserve(cloud: Cloud, facade: VolumeFacade, volume_id: str, server_id: str = SERVER, **more: Any) -> Attachment:
    found: Attachment = do(cloud, lambda tx: facade.reserve(tx, cloud.context, volume_id, server_id, **more))
    return found


def test_the_volume_follows_its_attachment(cloud: Cloud, facade: VolumeFacade) -> None:
    volume_id = make(cloud)
    attachment = reserve(cloud, facade, volume_id)
    states = [volume(cloud, volume_id).status]
    for act in (
        lambda tx: facade.attaching(tx, attachment.id),
        lambda tx: facade.attached(tx, attachment.id, "host1"),
        lambda tx: facade.begin_detach(tx, attachment.id),
        lambda tx: facade.cancel_detach(tx, attachment.id),
        lambda tx: facade.begin_detach(tx, attachment.id),
        lambda tx: facade.release(tx, attachment.id),
        lambda tx: facade.release(tx, attachment.id),
    ):
        do(cloud, act)
        states.append(volume(cloud, volume_id).status)
    assert states == ["reserved", "attaching", "in-use", "detaching", "in-use", "detaching", "available", "available"]
    assert cloud.audit() == []


def test_a_volume_is_one_servers_only(cloud: Cloud, facade: VolumeFacade) -> None:
    """A-153."""
    volume_id = make(cloud)
    reserve(cloud, facade, volume_id)
    for server_id in (SERVER, new_uuid()):
        with pytest.raises(Invalid):
            reserve(cloud, facade, volume_id, server_id)
    with pytest.raises(Invalid):
        delete(cloud, volume_id)


def test_a_foreign_volume_looks_like_none(cloud: Cloud, facade: VolumeFacade) -> None:
    """S-053."""
    volume_id, stranger = make(cloud), replace(cloud.context, project_id="c" * 32)
    with pytest.raises(NotFound):
        do(cloud, lambda tx: facade.reserve(tx, stranger, volume_id, SERVER))


def test_devices_are_given_out_in_order_and_never_twice(cloud: Cloud, facade: VolumeFacade) -> None:
    ids = [make(cloud) for _ in range(5)]
    assert reserve(cloud, facade, ids[0], boot_index=0).device == "vda"
    assert reserve(cloud, facade, ids[1], taken=("vdb",)).device == "vdc"
    assert reserve(cloud, facade, ids[2], device="/dev/vdf").device == "vdf"
    with pytest.raises(Conflict):
        reserve(cloud, facade, ids[3], device="vdc")
    for wrong in ("sda", "/dev/vdaa", "vdb; rm"):
        with pytest.raises(Invalid):
            reserve(cloud, facade, ids[3], device=wrong)
    assert reserve(cloud, facade, ids[3]).device == "vdb"
    with cloud.database.read() as tx:
        shown = [(item.device, item.port, item.address) for item in facade.connections(tx, SERVER, reserved=True)]
        assert facade.connections(tx, SERVER) == ()
        assert list(facade.of_servers(tx, [SERVER, new_uuid()])) == [SERVER]
    assert shown == [(name, 10809, "192.0.2.9") for name in ("vda", "vdb", "vdc", "vdf")]


def test_several_servers_share_only_a_volume_that_is_made_for_it(cloud: Cloud, facade: VolumeFacade) -> None:
    volume_id = lifecycle.create(cloud.volumes, cloud.context, NewVolume(size_gb=1, multiattach=True))
    cloud.settle()
    one, two = (reserve(cloud, facade, volume_id, new_uuid()) for _ in range(2))
    do(cloud, lambda tx: facade.attached(tx, one.id, "host1"))
    do(cloud, lambda tx: facade.release(tx, two.id))
    assert volume(cloud, volume_id).status == "in-use"
    do(cloud, lambda tx: facade.release(tx, one.id))
    assert volume(cloud, volume_id).status == "available"


def test_a_servers_end_frees_its_volumes_and_deletes_what_was_to_end_with_it(
    cloud: Cloud, facade: VolumeFacade
) -> None:
    kept, gone = make(cloud), make(cloud)
    for volume_id in (kept, gone):
        attachment = reserve(cloud, facade, volume_id, delete_on_termination=volume_id == gone)
        do(cloud, lambda tx, id=attachment.id: facade.attached(tx, id, "host1"))
    for _ in range(2):
        do(cloud, lambda tx: facade.release_all(tx, cloud.context, SERVER))
    cloud.settle()
    assert volume(cloud, kept).status == "available" and volume(cloud, gone).state is State.DELETED
    assert found(cloud, gone) == [] and cloud.audit() == []


def test_a_volume_made_for_a_server_is_its_own_from_the_beginning(cloud: Cloud, facade: VolumeFacade) -> None:
    wish = NewVolume(size_gb=2)
    made: Attachment = do(cloud, lambda tx: facade.create_for_server(tx, cloud.context, SERVER, wish, boot_index=0))
    with cloud.database.read() as tx:
        assert not facade.ready(tx, made.volume_id)
    cloud.settle()
    with cloud.database.read() as tx:
        assert facade.ready(tx, made.volume_id) and volume(cloud, made.volume_id).status == "reserved"
    with pytest.raises(QuotaExceeded):
        do(cloud, lambda tx: facade.create_for_server(tx, cloud.context, SERVER, NewVolume(size_gb=10**6)))


def test_a_volume_that_could_not_be_made_says_so(cloud: Cloud, facade: VolumeFacade) -> None:
    for host in cloud.volume_hosts.values():
        host.backend.broken, host.backend.broken_verb = Internal("no"), "create"
    wish = NewVolume(size_gb=2)
    made: Attachment = do(cloud, lambda tx: facade.create_for_server(tx, cloud.context, SERVER, wish))
    cloud.settle()
    with cloud.database.read() as tx, pytest.raises(Internal):
        facade.ready(tx, made.volume_id)
    do(cloud, lambda tx: facade.release_all(tx, cloud.context, SERVER))
    assert volume(cloud, made.volume_id).status == "error"


# -- exports by order ---------------------------------------------------------------------------------------------


class Step:
    """One step of an operation on the server, driven as the engine does it."""

    def __init__(self, cloud: Cloud, body: Callable[[Run], Any], name: str = "export", fence: int = 1) -> None:
        self.cloud, self.body, self.name = cloud, body, name
        self.id = do(cloud, lambda tx: operations.queue(tx, cloud.context, "server.test", ("server", SERVER), fence))
        self.operation: Operation = do(cloud, lambda tx: operations.claim(tx, self.id, "me", 300)[0])  # type: ignore[index]
        do(cloud, lambda tx: operations.begin_line(tx, self.operation, name))

    def run(self) -> bool:
        with self.cloud.database.read() as tx:
            [line] = operations.lines(tx, [self.id])
        answer = self.body(Run(operation=self.operation, lines={}, line=line, write=self.cloud.database.run))
        self.cloud.bus.drain()
        return isinstance(answer, Done)

    def to_end(self) -> None:
        for _ in range(5):
            if self.run():
                break
        else:
            raise AssertionError("the step does not end")
        do(self.cloud, lambda tx: operations.end(tx, self.operation, "me", operations.OperationState.DONE))


def exports(cloud: Cloud) -> Exports:
    from iaas.bus.client import Client
    from iaas.conductor.hosts import Hosts
    from iaas.rpc.compute import ComputeRpc
    from iaas.rpc.volume import VolumeRpc

    client = Client(cloud.bus, clock=cloud.clock)
    hosts = Hosts(database=cloud.database, compute=ComputeRpc(client), volume=VolumeRpc(client), resend_s=10)
    return Exports(database=cloud.database, hosts=hosts)


def served(cloud: Cloud) -> set[tuple[str, str]]:
    """(volume id, export name) on all hosts."""
    return {
        (item.volume_id, item.name) for host in cloud.volume_hosts.values() for item in host.backend.served.values()
    }


def two_on_two_hosts(cloud: Cloud, facade: VolumeFacade) -> list[Attachment]:
    made = [reserve(cloud, facade, make(cloud)) for _ in range(2)]
    assert len({volume(cloud, item.volume_id).host for item in made}) == 2
    return made


def test_all_volumes_of_a_server_are_served_wherever_they_are_and_no_longer(cloud: Cloud, facade: VolumeFacade) -> None:
    one, two = two_on_two_hosts(cloud, facade)
    work = exports(cloud)
    Step(cloud, work.export).to_end()
    assert served(cloud) == {(item.volume_id, item.export) for item in (one, two)}
    Step(cloud, lambda run: work.unexport(run, [one.id]), fence=2).to_end()
    assert served(cloud) == {(two.volume_id, two.export)}
    Step(cloud, work.unexport_all, fence=3).to_end()
    assert served(cloud) == set()


def test_an_old_connection_is_cut_off_by_a_new_name(cloud: Cloud, facade: VolumeFacade) -> None:
    """I-15: who knew the old name has no way in any more."""
    attachment, work = reserve(cloud, facade, make(cloud)), exports(cloud)
    Step(cloud, work.export).to_end()
    do(cloud, lambda tx: facade.cut_off(tx, SERVER))
    with cloud.database.read() as tx:
        renamed = attachments.get(tx, attachment.id)
    Step(cloud, work.export, fence=2).to_end()
    assert served(cloud) == {(attachment.volume_id, renamed.export)} and renamed.export != attachment.export


def test_a_volume_host_that_is_down_serves_nothing_and_keeps_nobody_from_leaving(
    cloud: Cloud, facade: VolumeFacade
) -> None:
    attachment, work = reserve(cloud, facade, make(cloud)), exports(cloud)
    Step(cloud, work.export).to_end()
    cloud.kill(volume(cloud, attachment.volume_id).host or "")
    for _ in range(8):
        cloud.tick()
    with pytest.raises(Internal, match="down"):
        Step(cloud, work.export, fence=2).run()
    Step(cloud, lambda run: work.unexport(run, [attachment.id]), fence=3).to_end()


def test_attachments_state_words_are_the_published_ones() -> None:
    assert [state.value for state in AttachmentState] == ["reserved", "attaching", "attached", "detaching"]


def test_what_a_host_offers_is_in_the_database_with_its_heartbeat(cloud: Cloud) -> None:
    from iaas.db.volume import backends

    volume_id = make(cloud, 3)
    with cloud.database.read() as tx:
        pools = {pool.host: pool for pool in backends.all_of(tx)}
        assert len(services.all_of(tx, "iaas-volume")) == 2
    assert pools[volume(cloud, volume_id).host or ""].used_gb == 3 and len(pools) == 2


def settled(cloud: Cloud) -> None:
    for _ in range(4):
        cloud.tick()


def test_a_host_that_missed_an_order_is_told_what_it_serves(cloud: Cloud, facade: VolumeFacade) -> None:
    """R11: a server that there is no more is served by nobody, also by a host that was away when it went; and what a
    host forgot is served again."""
    server_id = boot(cloud, network(cloud))
    attachment = reserve(cloud, facade, make(cloud), server_id)
    host = cloud.volume_hosts[volume(cloud, attachment.volume_id).host or ""]
    do(cloud, lambda tx: facade.attached(tx, attachment.id, "host1"))
    settled(cloud)
    assert served(cloud) == {(attachment.volume_id, attachment.export)}
    host.agent.exports.put(server_id, [])
    settled(cloud)
    assert served(cloud) == {(attachment.volume_id, attachment.export)}
    do(cloud, lambda tx: facade.release(tx, attachment.id))
    settled(cloud)
    assert served(cloud) == set()


def test_what_no_row_knows_is_left_alone(cloud: Cloud) -> None:
    """As R4: a database that was restored must not cut its guests off."""
    volume_id = make(cloud)
    host = cloud.volume_hosts[volume(cloud, volume_id).host or ""]
    host.agent.exports.put(SERVER, [Export(attachment_id=new_uuid(), volume_id=volume_id, name="n")])
    settled(cloud)
    assert served(cloud) == {(volume_id, "n")}
