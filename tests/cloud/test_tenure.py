"""C-10: a host that comes back destroys what is no longer its own before it takes work."""

from iaas.compute import lifecycle
from iaas.db.compute import nodes, servers
from iaas.model.server import State
from tests.cloud.harness import Cloud
from tests.cloud.servers import boot, network


def lost(cloud: Cloud, server_id: str) -> str:
    """The server is taken away from its silent host, as an evacuation or a deletion does; gives the host."""
    host = cloud.server(server_id).host or ""
    cloud.kill(host)

    def write(tx: object) -> None:
        nodes.release(tx, server_id)  # type: ignore[arg-type]
        servers.raise_fence(tx, server_id)  # type: ignore[arg-type]

    cloud.database.run(write)
    return host


def test_a_host_that_starts_destroys_strangers_with_its_first_sign_of_life(cloud: Cloud) -> None:
    server_id = boot(cloud, network(cloud))
    host = lost(cloud, server_id)
    cloud.hosts[host].start()
    cloud.hosts[host].tick()
    assert cloud.guests(server_id) == []
    assert server_id not in cloud.hosts[host].disks.made


def test_an_order_that_waited_for_the_host_is_carried_out_after_the_strangers_are_gone(cloud: Cloud) -> None:
    """F-53: no start, no build, no attach happens beside a guest that belongs elsewhere now."""
    stranger, kept = boot(cloud, forced_host="host1"), boot(cloud, forced_host="host1")
    lifecycle.stop(cloud.compute, cloud.context, kept)
    cloud.settle()
    host = lost(cloud, stranger)
    calls = cloud.hosts[host].hypervisor.calls
    del calls[:]
    lifecycle.start(cloud.compute, cloud.context, kept)
    cloud.deliver()  # the order waits in the host's queue
    cloud.hosts[host].start()
    cloud.deliver()  # no sign of life yet: the order is the first that the host hears
    assert ("undefine", stranger) in calls and ("power_on", kept) in calls
    assert calls.index(("undefine", stranger)) < calls.index(("power_on", kept))


def test_an_order_of_the_past_for_a_server_that_is_no_longer_there_is_refused(cloud: Cloud) -> None:
    server_id = boot(cloud)
    lifecycle.stop(cloud.compute, cloud.context, server_id)
    cloud.settle()
    host = cloud.server(server_id).host or ""
    cloud.kill(host)
    lifecycle.start(cloud.compute, cloud.context, server_id)
    cloud.deliver()
    cloud.database.run(lambda tx: nodes.release(tx, server_id))
    cloud.hosts[host].start()
    cloud.deliver()
    assert cloud.guests(server_id) == []


def test_a_host_cut_off_for_minutes_and_healed_keeps_its_own_guests(cloud: Cloud) -> None:
    """F-48."""
    server_id = boot(cloud, network(cloud))
    host = cloud.server(server_id).host or ""
    cloud.kill(host)
    for _ in range(60):
        cloud.tick()
    cloud.hosts[host].start()
    cloud.settle()
    assert cloud.server(server_id).state is State.ACTIVE
    assert cloud.guests(server_id) == [host]
    assert cloud.audit() == []
