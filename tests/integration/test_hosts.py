"""Several hosts from one copied file: they join by themselves, are missed when they are gone, and come back."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from devstack.stack.settings import ROOT
from tests.integration.fleet import ROOT_ONLY, FleetRig, eventually

pytestmark = [pytest.mark.root, pytest.mark.timeout(300), ROOT_ONLY]
LIMIT = 25.0  # what is promised within ten seconds, for a machine on which other tests run beside


def boot(fleet: FleetRig, name: str, **values: Any) -> Any:
    """A server of the administrator, ACTIVE, on the first network unless told otherwise."""
    given = {"networks": [{"uuid": fleet.furniture.network}], **values}
    made = fleet.admin.compute.create_server(
        name=name, flavor_id=fleet.furniture.flavor, image_id=fleet.furniture.image, **given
    )
    return fleet.admin.compute.wait_for_server(made, interval=0.5, wait=120)


def forget(fleet: FleetRig, *servers: Any) -> None:
    for server in servers:
        fleet.admin.compute.delete_server(server.id)
    for server in servers:
        fleet.admin.compute.wait_for_delete(server, interval=0.5, wait=60)


def services(fleet: FleetRig, host: str) -> dict[str, str]:
    """Binary -> up or down, as the compute API tells it."""
    return {item.binary: item.state for item in fleet.admin.compute.services(host=host)}


def test_every_host_has_the_same_file_and_compute_hosts_reach_no_database_a010(fleet: FleetRig) -> None:
    original = fleet.settings.config.read_bytes()
    for host in fleet.settings.every_host:
        assert (host.state / "etc" / "iaas.conf").read_bytes() == original
    probe = "import psycopg, sys; psycopg.connect(host=sys.argv[1], user='iaas', dbname='iaas', connect_timeout=5)"
    python = str(fleet.settings.bin / "python")
    refused = fleet.attempt("compute1", python, "-c", probe, fleet.settings.address)
    assert "no pg_hba.conf entry" in refused.stderr
    agents = {(agent.host, agent.binary) for agent in fleet.admin.network.agents()}
    assert ("compute1", "neutron-linuxbridge-agent") in agents
    assert ("controller", "neutron-dhcp-agent") in agents  # on the controller
    assert ("compute1", "neutron-dhcp-agent") not in agents
    addresses = {host.state.name: host.address for host in fleet.settings.every_host}
    told = {(row["host"], row["address"]) for row in json.loads(fleet.manage("service", "list", "--json"))}
    assert told == set(addresses.items())  # each daemon has found out its host's
    found = {item.name: item.host_ip for item in fleet.admin.compute.hypervisors(details=True)}
    assert found.items() < addresses.items()
    status = subprocess.run(
        [str(ROOT / "devstack/status"), "--state", str(fleet.state)], capture_output=True, text=True
    )
    assert status.returncode == 0, status.stdout
    assert all(f"{name} {address} (" in status.stdout for name, address in addresses.items())


def test_the_machine_reaches_a_guest_by_its_floating_address_through_two_hosts(fleet: FleetRig) -> None:
    """Public address on the controller's router, tunnel to the compute host; the shell of the machine is outside."""
    server = boot(fleet, "reached", availability_zone="nova:compute2", key_name="devstack")
    port = next(iter(fleet.admin.network.ports(device_id=server.id)))
    public = fleet.admin.network.find_network("public")
    floating = fleet.admin.network.create_ip(floating_network_id=public.id, port_id=port.id)
    address = floating.floating_ip_address
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "ConnectTimeout=5", "BatchMode=yes"]
    flags = [word for option in options for word in ("-o", option)]
    command = ["timeout", "20", "ssh", *flags, "-i", str(fleet.settings.key), f"tiny@{address}", "hostname"]
    eventually(lambda: subprocess.run(command, capture_output=True, text=True).stdout.strip() == "reached", 60, "ssh")
    fleet.admin.network.delete_ip(floating)
    forget(fleet, server)
    fleet.check()


def test_a_host_that_starts_with_the_copied_file_gets_servers_within_ten_seconds_a010(fleet: FleetRig) -> None:
    before = {program: fleet.pid("controller", program) for program in ("api", "scheduler", "conductor", "network")}
    fleet.add("joiner", "compute")
    try:
        eventually(
            lambda: "joiner" in {item.name for item in fleet.admin.compute.hypervisors()},
            LIMIT,
            "the new host is listed",
        )
        server = boot(fleet, "on-joiner", availability_zone="nova:joiner")
        assert server.compute_host == "joiner"
        assert server.id in fleet.guests("joiner")
        assert before == {program: fleet.pid("controller", program) for program in before}  # nobody was restarted
        forget(fleet, server)
    finally:
        fleet.remove("joiner")
    eventually(lambda: set(services(fleet, "joiner").values()) == {"down"}, LIMIT, "the removed host is down")
    for service in fleet.admin.compute.services(host="joiner"):
        fleet.admin.compute.delete_service(service)
    fleet.check()


def test_a_stopped_host_is_down_within_ten_seconds_and_gets_no_work(fleet: FleetRig) -> None:
    fleet.stop("compute1")
    try:
        eventually(lambda: services(fleet, "compute1").get("nova-compute") == "down", LIMIT, "compute1 is down")
        server = boot(fleet, "elsewhere")
        assert server.compute_host == "compute2"
        forget(fleet, server)
    finally:
        fleet.start("compute1")
    eventually(lambda: set(services(fleet, "compute1").values()) == {"up"}, 40, "compute1 is up again")
    fleet.check()


def test_a_host_without_power_is_gone_with_its_guests_and_one_without_cable_keeps_them_f048(fleet: FleetRig) -> None:
    cut_off = boot(fleet, "cut-off", availability_zone="nova:compute1")
    unlucky = boot(fleet, "unlucky", availability_zone="nova:compute2")
    (guest,) = fleet.guests("compute2").values()
    fleet.partition("compute1")
    fleet.kill("compute2")
    try:
        assert fleet.guests("compute2") == {}
        with pytest.raises(ProcessLookupError):
            os.kill(guest, 0)
        gone = {("compute", "compute1"), ("compute", "compute2")}
        eventually(lambda: not gone & fleet.beating(), LIMIT, "both are down")
        assert list(fleet.guests("compute1")) == [cut_off.id]
    finally:
        fleet.heal("compute1")
        fleet.start("compute2")
    fleet.wait_for_all()
    assert fleet.admin.compute.get_server(cut_off.id).status == "ACTIVE"
    assert list(fleet.guests("compute1")) == [cut_off.id]
    forget(fleet, cut_off, unlucky)
    fleet.check()


def test_a_host_that_only_the_broker_is_hidden_from_is_down_until_it_sees_it_again_f049(fleet: FleetRig) -> None:
    fleet.block("compute2", 5672)
    try:
        eventually(lambda: services(fleet, "compute2").get("nova-compute") == "down", LIMIT, "compute2 is down")
        assert fleet.attempt("compute2", "ping", "-c", "1", "-W", "2", fleet.settings.address).returncode == 0
    finally:
        fleet.unblock("compute2")
    eventually(lambda: set(services(fleet, "compute2").values()) == {"up"}, 60, "compute2 is up again")
    fleet.check()


def test_a_host_that_dies_while_it_builds_finishes_when_it_is_back(fleet: FleetRig) -> None:
    """F-07 on a real host: killed between the guest's start and the report, taken up by its successor."""
    with fleet.instead("compute1", "compute", IAAS_FAILPOINTS="compute.build.after_start=kill") as runs:
        made = fleet.admin.compute.create_server(
            name="interrupted", flavor_id=fleet.furniture.flavor, image_id=fleet.furniture.image,
            networks=[{"uuid": fleet.furniture.network}], availability_zone="nova:compute1",
        )  # fmt: skip
        eventually(lambda: not runs(), 60, "iaas-compute has died at the failpoint")
    server = fleet.admin.compute.wait_for_server(made, interval=0.5, wait=60)
    assert list(fleet.guests("compute1")) == [server.id]
    forget(fleet, server)
    fleet.check()
