"""A server's life through the whole cloud in one process. A-050, A-054, A-075 … A-077."""

import pytest

from iaas.compute import lifecycle
from iaas.db import operations, quotas
from iaas.errors import Conflict, Internal, NotFound, Unavailable
from iaas.model.order import Power
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, delete, left_behind, network, order


def test_a_server_is_built_on_one_host_with_rules_before_its_device(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    server = cloud.server(server_id)
    assert (server.state, server.task, server.power) == (State.ACTIVE, None, Power.RUNNING), server.fault
    assert cloud.guests(server_id) == [server.host]
    assert cloud.audit() == []


def test_a_deleted_server_leaves_nothing(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    delete(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.DELETED
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_stop_start_and_reboots_end_where_they_should(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    for action, state in (("stop", State.STOPPED), ("start", State.ACTIVE)):
        getattr(lifecycle, action)(cloud.compute, cloud.context, server_id)
        cloud.settle()
        assert cloud.server(server_id).state is state
    for kind in ("SOFT", "HARD"):
        lifecycle.reboot(cloud.compute, cloud.context, server_id, kind)
        cloud.settle()
        assert cloud.server(server_id).state is State.ACTIVE
    assert cloud.audit() == []


def test_servers_spread_over_the_hosts(cloud: Cloud) -> None:
    hosts = {cloud.server(boot(cloud)).host for _ in range(2)}
    assert hosts == {"host1", "host2"}


def test_a_failed_host_is_undone_and_the_next_one_tried(cloud: Cloud) -> None:
    cloud.hosts["host1"].hypervisor.fail("define", Internal("no more memory"))
    server_id = boot(cloud, network(cloud))
    server = cloud.server(server_id)
    assert (server.state, server.host) == (State.ACTIVE, "host2")
    assert cloud.guests(server_id) == ["host2"]
    assert cloud.audit() == []


def test_a_host_that_is_short_of_something_is_left_for_the_next_one_at_once(cloud: Cloud) -> None:
    """F-61: the host's own trouble is not waited for."""
    cloud.hosts["host1"].disks.fail(Unavailable("The host's disk is full.", resource="disk"))
    server_id = order(cloud, network(cloud))
    cloud.settle(rounds=10)
    assert (cloud.server(server_id).state, cloud.server(server_id).host) == (State.ACTIVE, "host2")
    assert cloud.audit() == []


def test_a_host_without_its_network_agent_is_left_for_the_next_one(cloud: Cloud) -> None:
    network_id = network(cloud)
    cloud.hosts["host1"].servers[1].stop(0)
    cloud.hosts["host1"].wired = False
    for _ in range(6):
        cloud.tick()
    server_id = order(cloud, network_id)
    cloud.settle(rounds=10)
    assert (cloud.server(server_id).state, cloud.server(server_id).host) == (State.ACTIVE, "host2")


def test_when_every_host_fails_the_server_is_in_error_with_the_reason_and_holds_nothing(cloud: Cloud) -> None:
    for host in cloud.hosts.values():
        host.hypervisor.fail("define", Internal("no more memory"), times=9)
    server_id = boot(cloud, network(cloud))
    server = cloud.server(server_id)
    assert server.state is State.ERROR
    assert server.fault is not None
    assert cloud.guests(server_id) == []
    assert cloud.audit() == []
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []


def test_no_valid_host_tells_the_user_how_many_each_filter_removed(cloud: Cloud) -> None:
    for name in cloud.hosts:
        cloud.kill(name)
    for _ in range(6):
        cloud.tick()
    server_id = boot(cloud)
    server = cloud.server(server_id)
    assert server.state is State.ERROR
    assert server.fault is not None
    assert "of 2, service removed 2" in server.fault["message"]
    with cloud.database.read() as tx:
        [operation] = operations.of_resource(tx, "server", server_id)
        lines = operations.lines(tx, [operation.id])
    assert "host1" in (lines[0].message or ""), "the event names hosts and numbers, for administrators"


def test_a_delete_takes_over_from_a_build_at_any_moment(cloud: Cloud) -> None:
    """F-83: gone for good, whatever had been done."""
    network_id = network(cloud)
    for messages in range(12):
        server_id = order(cloud, network_id)
        for _ in range(messages):
            cloud.bus.step()
            if cloud.inbox.work:
                function, operation_id = cloud.inbox.work.pop(0)
                function(operation_id)
        delete(cloud, server_id)
        cloud.settle()
        assert cloud.server(server_id).state is State.DELETED
        assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_a_second_delete_does_nothing_and_a_third_finds_nothing(cloud: Cloud) -> None:
    server_id = boot(cloud)
    delete(cloud, server_id)
    delete(cloud, server_id)
    cloud.settle()
    with pytest.raises(NotFound):
        delete(cloud, server_id)
    with cloud.database.read() as tx:
        assert quotas.usage(tx, cloud.context.owner)["instances"] == 0


def test_a_delete_that_fails_on_the_host_is_tried_until_it_is_done(cloud: Cloud) -> None:
    """F-06."""
    server_id = boot(cloud, network(cloud))
    host = cloud.hosts[cloud.server(server_id).host or ""]
    host.hypervisor.fail("undefine", Internal("no"), times=2)
    delete(cloud, server_id)
    cloud.settle()
    assert left_behind(cloud, server_id) == []
    assert cloud.audit() == []


def test_two_actions_at_once_have_one_winner(cloud: Cloud) -> None:
    server_id = boot(cloud)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    with pytest.raises(Conflict):
        lifecycle.reboot(cloud.compute, cloud.context, server_id, "SOFT")
    cloud.settle()
    assert cloud.server(server_id).state is State.STOPPED


def test_a_hard_reboot_takes_over_from_a_soft_one_that_the_guest_ignores(cloud: Cloud) -> None:
    server_id = boot(cloud)
    lifecycle.reboot(cloud.compute, cloud.context, server_id, "SOFT")
    lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    with pytest.raises(Conflict):
        lifecycle.reboot(cloud.compute, cloud.context, server_id, "HARD")
    cloud.settle()
    assert (cloud.server(server_id).state, cloud.server(server_id).task) == (State.ACTIVE, None)
    with cloud.database.read() as tx:
        states = [item.state.value for item in operations.of_resource(tx, "server", server_id)]
    assert states == ["done", "superseded", "done"]
    assert cloud.audit() == []


def test_a_guest_that_turns_itself_off_is_seen_as_stopped(cloud: Cloud) -> None:
    """R1, F-56."""
    server_id = boot(cloud, network(cloud))
    server = cloud.server(server_id)
    cloud.hosts[server.host or ""].hypervisor.stops(server_id)
    for _ in range(3):
        cloud.tick()
    assert cloud.server(server_id).state is State.STOPPED
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.ACTIVE


def test_a_guest_of_a_deleted_server_is_destroyed_when_its_host_comes_back(cloud: Cloud) -> None:
    """R3, C-10."""
    server_id = boot(cloud)
    host = cloud.server(server_id).host or ""
    cloud.kill(host)
    for _ in range(6):
        cloud.tick()
    delete(cloud, server_id)
    cloud.settle()
    assert cloud.server(server_id).state is State.DELETED
    assert cloud.guests(server_id) == [host]
    cloud.hosts[host].start()
    for _ in range(4):
        cloud.tick()
    assert cloud.guests(server_id) == []
    assert cloud.audit() == []


def test_a_guest_that_no_row_knows_is_left_alone(cloud: Cloud) -> None:
    """R4, F-47: after a restored database."""
    server_id = boot(cloud)
    host = cloud.hosts[cloud.server(server_id).host or ""]
    stranger = "00000000-0000-4000-8000-000000000001"
    host.hypervisor.domains[stranger] = host.hypervisor.domains[server_id]
    for _ in range(4):
        cloud.tick()
    assert stranger in host.hypervisor.domains
    assert [violation.invariant for violation in cloud.audit()] == ["I-02"]
