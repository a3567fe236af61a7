"""A volume's life through the whole cloud in one process."""

from __future__ import annotations

import pytest

from iaas.db import services
from iaas.errors import Internal, NotFound
from iaas.model.volume import State, Task
from iaas.volume import daemons, lifecycle
from tests.cloud.harness import Cloud
from tests.cloud.volumes import delete, found, left_behind, make, order, volume


@pytest.fixture(autouse=True)
def hosts(cloud: Cloud) -> None:
    cloud.add_volumes(2)


def test_a_volume_is_made_on_one_host_and_a_deleted_one_leaves_nothing(cloud: Cloud) -> None:
    volume_id = make(cloud, 3)
    made = volume(cloud, volume_id)
    assert (made.state, made.task, found(cloud, volume_id)) == (State.AVAILABLE, None, [made.host])
    assert cloud.audit() == []
    delete(cloud, volume_id)
    assert volume(cloud, volume_id).task is Task.DELETING
    cloud.settle()
    assert volume(cloud, volume_id).state is State.DELETED and left_behind(cloud, volume_id) == []
    with pytest.raises(NotFound):
        delete(cloud, volume_id)
    assert cloud.audit() == []


def test_volumes_go_where_least_is_promised(cloud: Cloud) -> None:
    large, first, second = make(cloud, 5), make(cloud, 2), make(cloud, 2)
    busy = volume(cloud, large).host
    assert busy not in (volume(cloud, first).host, volume(cloud, second).host)


def test_a_delete_in_the_middle_of_a_creation_wins(cloud: Cloud) -> None:
    volume_id = order(cloud)
    delete(cloud, volume_id)
    cloud.settle()
    assert left_behind(cloud, volume_id) == [] and cloud.audit() == []


def test_without_a_host_a_creation_fails_and_can_be_deleted(cloud: Cloud) -> None:
    for name in cloud.volume_hosts:
        cloud.kill(name)
    for _ in range(8):
        cloud.tick()
    volume_id = make(cloud)
    assert (volume(cloud, volume_id).state, volume(cloud, volume_id).host) == (State.ERROR, None)
    delete(cloud, volume_id)
    cloud.settle()
    assert left_behind(cloud, volume_id) == []


def test_a_host_out_of_service_gets_no_new_volume(cloud: Cloud) -> None:
    daemons.disable(cloud.volumes, "cinder-volume", "volume1", True, "repair")
    assert {volume(cloud, make(cloud)).host for _ in range(3)} == {"volume2"}


def test_a_host_that_fails_leaves_an_error_without_bytes_or_quota_lost(cloud: Cloud) -> None:
    for host in cloud.volume_hosts.values():
        host.backend.broken, host.backend.broken_verb = Internal("The volume could not be created."), "create"
    volume_id = order(cloud)
    cloud.settle()
    tried = [name for name, host in cloud.volume_hosts.items() if ("create", volume_id) in host.backend.calls]
    assert tried == ["volume1", "volume2"]
    for host in cloud.volume_hosts.values():
        host.backend.broken = None
    assert volume(cloud, volume_id).state is State.ERROR and found(cloud, volume_id) == []
    assert cloud.audit() == []
    delete(cloud, volume_id)
    cloud.settle()
    assert left_behind(cloud, volume_id) == []


def test_a_delete_waits_for_its_host_and_is_not_forgotten(cloud: Cloud) -> None:
    """C-14: the row that leads to a tenant's bytes stays as long as they do."""
    volume_id = make(cloud)
    host = volume(cloud, volume_id).host or ""
    cloud.kill(host)
    delete(cloud, volume_id)
    for _ in range(20):
        cloud.tick()
    assert volume(cloud, volume_id).status == "deleting" and found(cloud, volume_id) == [host]
    cloud.restart(host)
    cloud.settle()
    assert left_behind(cloud, volume_id) == [] and cloud.audit() == []


def test_a_delete_that_fails_on_the_host_is_tried_again(cloud: Cloud) -> None:
    volume_id = make(cloud)
    backend = cloud.volume_hosts[volume(cloud, volume_id).host or ""].backend
    backend.broken = OSError(5, "Input/output error")
    delete(cloud, volume_id)
    for _ in range(20):
        cloud.tick()
    assert volume(cloud, volume_id).status == "deleting"
    backend.broken = None
    cloud.settle()
    assert left_behind(cloud, volume_id) == [] and cloud.audit() == []


def test_a_reset_ends_what_is_under_way_and_its_orders(cloud: Cloud) -> None:
    volume_id = order(cloud)
    lifecycle.reset_state(cloud.volumes, cloud.context, volume_id, State.ERROR)
    cloud.settle()
    assert volume(cloud, volume_id).status == "error" and cloud.audit() == []
    delete(cloud, volume_id)
    cloud.settle()
    assert left_behind(cloud, volume_id) == []


def test_volume_hosts_are_up_by_their_heartbeats(cloud: Cloud) -> None:
    cloud.tick()
    cloud.kill("volume2")
    for _ in range(8):
        cloud.tick()
    with cloud.database.read() as tx:
        assert len(services.all_of(tx, "iaas-volume")) == 2
    up = {item.service.host: item.up for item in daemons.all_of(cloud.volumes, "cinder-volume")}
    assert up == {"volume1": True, "volume2": False}
