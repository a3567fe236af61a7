"""F-94: the audit is audited. Each kind of damage is planted in a busy cloud, one at a time; the audit must report
exactly that, and nothing once it is healed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from iaas.bus.transport import DeadLetter
from iaas.clock import ManualClock
from iaas.db.engine import Database
from iaas.db.schema.compute import allocations, compute_nodes, servers
from iaas.db.schema.image import image_locations, image_properties, images
from iaas.db.schema.network import ports
from iaas.db.schema.operations import operations, quota_usage
from iaas.db.schema.volume import volumes
from iaas.host import files
from iaas.ids import new_uuid
from iaas.model.order import Power
from iaas.model.wiring import bridge_name, dhcp_namespace, tap_name
from iaas.network.agent.steps import Namespace
from tests.cloud.busy import Busy, Found
from tests.cloud.harness import PROJECT, Host

STRANGER = "00000000-0000-4000-8000-00000000dead"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, database_template: Path) -> Iterator[Busy]:
    root, clock = tmp_path_factory.mktemp("busy"), ManualClock()
    (root / "iaas.sqlite").write_bytes(database_template.read_bytes())
    database = Database(f"sqlite:///{root}/iaas.sqlite", clock=clock)
    yield Busy(root, database, clock)
    database.close()


Damage = tuple[AbstractContextManager[Any], Found]
DAMAGES: dict[str, Callable[[Busy], Damage]] = {}


def damage(make: Callable[[Busy], Damage]) -> Callable[[Busy], Damage]:
    """Registers a kind: its name is the function's, it gives how to plant it and what is to be reported."""
    DAMAGES[make.__name__] = make
    return make


def together(*parts: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    @contextmanager
    def all_of() -> Iterator[None]:
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(part)
            yield

    return all_of()


# Guests and disks -----------------------------------------------------------------------------------------------


@damage
def stray_guest(busy: Busy) -> Damage:
    found = busy.host.hypervisor.domains[busy.web]
    off = replace(found, power=Power.SHUTDOWN)
    return busy.item(busy.host.hypervisor.domains, STRANGER, off), {("I-02", f"guest {STRANGER} on {busy.host.name}")}


@damage
def guest_on_another_host(busy: Busy) -> Damage:
    """A copy that is off: after a cold migration that forgot to clean up."""
    off = replace(busy.host.hypervisor.domains[busy.web], power=Power.SHUTDOWN)
    found = ("I-02", f"guest {busy.web} on {busy.other.name}")
    return busy.item(busy.other.hypervisor.domains, busy.web, off), {found}


@damage
def guest_that_runs_twice(busy: Busy) -> Damage:
    """Split brain: the worst of all."""
    twin = busy.host.hypervisor.domains[busy.web]
    return busy.item(busy.other.hypervisor.domains, busy.web, twin), {
        ("I-01", f"server {busy.web}"),
        ("I-02", f"guest {busy.web} on {busy.other.name}"),
        ("I-04", f"device {tap_name(busy.port.id)} on {busy.other.name}"),
    }


@damage
def guest_of_a_stopped_server_runs(busy: Busy) -> Damage:
    domains = busy.cloud.hosts[busy.server(busy.off).host].hypervisor.domains
    return busy.item(domains, busy.off, replace(domains[busy.off], power=Power.RUNNING)), {
        ("I-01", f"server {busy.off}")
    }


@damage
def guest_of_an_active_server_is_off(busy: Busy) -> Damage:
    domains = busy.host.hypervisor.domains
    off = replace(domains[busy.web], power=Power.SHUTDOWN)
    return busy.item(domains, busy.web, off), {("I-01", f"server {busy.web}"), ("I-04", f"port {busy.port.id}")}


@damage
def guest_of_an_active_server_is_gone(busy: Busy) -> Damage:
    return busy.item(busy.host.hypervisor.domains, busy.web), {
        ("I-01", f"server {busy.web}"),
        ("I-04", f"port {busy.port.id}"),
    }


@damage
def guest_with_a_fence_from_the_future(busy: Busy) -> Damage:
    domains = busy.host.hypervisor.domains
    return busy.item(domains, busy.web, replace(domains[busy.web], fence=99)), {
        ("I-02", f"guest {busy.web} on {busy.host.name}")
    }


@damage
def active_server_on_no_host(busy: Busy) -> Damage:
    host = busy.host.name
    return busy.row(servers, servers.c.id == busy.web, host=None), {
        ("I-01", f"server {busy.web}"),
        ("I-02", f"guest {busy.web} on {host}"),
        ("I-03", f"disk of {busy.web} on {host}"),
        ("I-04", f"port {busy.port.id}"),
        ("I-07", f"claim of {busy.web} on {host}"),
    }


@damage
def disk_without_server(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        directory = files.directory(busy.host.state / "instances" / STRANGER)
        yield
        directory.rmdir()

    return plant(), {("I-03", f"disk of {STRANGER} on {busy.host.name}")}


@damage
def server_without_disk(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        directory = busy.host.state / "instances" / busy.web
        directory.rename(busy.host.state / "lost")
        yield
        (busy.host.state / "lost").rename(directory)

    return plant(), {("I-03", f"server {busy.web}")}


@damage
def partial_file(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        busy.host.disks.partial_files = lambda: ("base.part",)  # type: ignore[method-assign]
        yield
        del busy.host.disks.partial_files

    return plant(), {("I-03", f"file base.part on {busy.host.name}")}


# Networks -------------------------------------------------------------------------------------------------------


@damage
def stray_device(busy: Busy) -> Damage:
    return busy.item(busy.host.network.taps, "tapdead", bridge_name(busy.network)), {
        ("I-04", f"device tapdead on {busy.host.name}")
    }


@contextmanager
def rules(host: Host, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Iterator[None]:
    """Other rules in force than those that the agent loaded."""
    loaded = host.network.found().filter
    assert loaded is not None
    host.network._filter = replace(loaded, ports=change(loaded.ports))
    yield
    host.network._filter = loaded


@damage
def rules_without_port(busy: Busy) -> Damage:
    stray = rules(busy.host, lambda ports: (*ports, replace(ports[0], id=STRANGER)))
    return stray, {("I-04", f"rules of {tap_name(STRANGER)} on {busy.host.name}")}


@damage
def port_without_rules(busy: Busy) -> Damage:
    """The one that a tenant would never notice and an attacker would."""
    gone = rules(busy.host, lambda ports: tuple(port for port in ports if port.id != busy.port.id))
    return gone, {("I-04", f"port {busy.port.id}")}


@damage
def port_bound_elsewhere(busy: Busy) -> Damage:
    tap = tap_name(busy.port.id)
    return busy.row(ports, ports.c.id == busy.port.id, host=busy.other.name), {
        ("I-04", f"port {busy.port.id}"),
        ("I-04", f"rules of {tap} on {busy.host.name}"),
        ("I-04", f"device {tap} on {busy.host.name}"),
    }


@damage
def port_of_a_vanished_server(busy: Busy) -> Damage:
    return busy.row(ports, ports.c.id == busy.port.id, server_id=STRANGER), {("I-05", f"port {busy.port.id}")}


@contextmanager
def clients(busy: Busy, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Iterator[None]:
    """dnsmasq was given other clients."""
    network = busy.dhcp.network._networks[busy.network]
    served = network.dhcp
    assert served is not None
    assert served.dhcp is not None
    network.dhcp = replace(served, dhcp=replace(served.dhcp, hosts=change(served.dhcp.hosts)))
    yield
    network.dhcp = served


@damage
def dhcp_entry_without_port(busy: Busy) -> Damage:
    stray = clients(busy, lambda hosts: (*hosts, replace(hosts[0], mac="fa:16:3e:de:ad:00")))
    subject = f"DHCP entry fa:16:3e:de:ad:00 of network {busy.network} on {busy.dhcp.name}"
    return stray, {("I-04", subject)}


@damage
def port_without_dhcp_entry(busy: Busy) -> Damage:
    gone = clients(busy, lambda hosts: tuple(host for host in hosts if host.mac != busy.port.mac))
    return gone, {("I-04", f"port {busy.port.id}")}


@damage
def lease_without_port(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        leases = busy.dhcp.network._networks[busy.network].leases
        leases.add(("fa:16:3e:de:ad:00", "10.0.0.99"))
        yield
        leases.discard(("fa:16:3e:de:ad:00", "10.0.0.99"))

    subject = f"lease 10.0.0.99 fa:16:3e:de:ad:00 of network {busy.network} on {busy.dhcp.name}"
    return plant(), {("I-04", subject)}


@contextmanager
def stray_network(host: Host, *, dnsmasq: bool) -> Iterator[None]:
    known = next(iter(host.network._networks.values()))
    space = replace(known.namespace, port_id=STRANGER) if isinstance(known.namespace, Namespace) else None
    served = replace(known.dhcp, dhcp=None) if known.dhcp else None
    stray = type(known)(namespace=None if dnsmasq else space, dhcp=served if dnsmasq else None)
    host.network._networks[STRANGER] = stray
    yield
    del host.network._networks[STRANGER]


@damage
def stray_namespace(busy: Busy) -> Damage:
    subject = f"namespace {dhcp_namespace(STRANGER)} on {busy.dhcp.name}"
    return stray_network(busy.dhcp, dnsmasq=False), {("I-16", subject)}


@damage
def stray_dnsmasq(busy: Busy) -> Damage:
    return stray_network(busy.dhcp, dnsmasq=True), {("I-16", f"dnsmasq of {STRANGER} on {busy.dhcp.name}")}


@damage
def stray_bridge(busy: Busy) -> Damage:
    mark = next(iter(busy.dhcp.network._networks.values()))
    name = bridge_name(STRANGER)
    bridge = replace(busy.host.network.bridges["br-ex"], name=name)
    return together(
        busy.item(busy.host.network.bridges, name, bridge),
        busy.item(busy.host.network._networks, STRANGER, type(mark)()),
    ), {("I-16", f"bridge {name} on {busy.host.name}")}


@damage
def dead_dnsmasq(busy: Busy) -> Damage:
    network = busy.dhcp.network._networks[busy.network]

    @contextmanager
    def plant() -> Iterator[None]:
        served, network.dhcp = network.dhcp, None
        yield
        network.dhcp = served

    return plant(), {("I-16", f"network {busy.network}")}


# Claims and quotas ----------------------------------------------------------------------------------------------


def claim_of(busy: Busy, server_id: str) -> Any:
    return busy.one(allocations, allocations.c.server_id == server_id)


@damage
def claim_without_server(busy: Busy) -> Damage:
    claim = claim_of(busy, busy.web)
    return busy.extra(allocations, claim, server_id=STRANGER), {
        ("I-07", f"claim of {STRANGER} on {claim.host}"),
        ("I-07", f"host {claim.host}"),
    }


@damage
def server_without_claim(busy: Busy) -> Damage:
    return busy.without(allocations, allocations.c.server_id == busy.web), {
        ("I-07", f"server {busy.web}"),
        ("I-07", f"host {busy.host.name}"),
    }


@damage
def claim_of_another_size(busy: Busy) -> Damage:
    """A resize that forgot the claim; the host's own counter agrees with it."""
    node = busy.one(compute_nodes, compute_nodes.c.host == busy.host.name)
    return together(
        busy.row(allocations, allocations.c.server_id == busy.web, ram_mb=64),
        busy.row(compute_nodes, compute_nodes.c.host == node.host, ram_mb_used=node.ram_mb_used - 64),
    ), {("I-07", f"claim of {busy.web} on {busy.host.name}")}


@damage
def host_that_forgot_a_claim(busy: Busy) -> Damage:
    where = compute_nodes.c.host == busy.host.name
    return busy.row(compute_nodes, where, vcpus_used=0), {("I-07", f"host {busy.host.name}")}


@damage
def host_that_remembers_a_server_too_many(busy: Busy) -> Damage:
    node = busy.one(compute_nodes, compute_nodes.c.host == busy.host.name)
    return busy.row(compute_nodes, compute_nodes.c.host == node.host, servers=node.servers + 1), {
        ("I-07", f"host {busy.host.name}")
    }


@damage
def host_that_promised_too_much(busy: Busy) -> Damage:
    where = compute_nodes.c.host == busy.host.name
    return busy.row(compute_nodes, where, ram_mb=100), {("I-07", f"host {busy.host.name}")}


def counter(resource: str, owner: str, by: int) -> Callable[[Busy], Damage]:
    def make(busy: Busy) -> Damage:
        where = (quota_usage.c.project_id == owner) & (quota_usage.c.resource == resource)
        used = busy.one(quota_usage, where).used
        return busy.row(quota_usage, where, used=used + by), {("I-08", f"quota {resource} of {owner}")}

    return make


for resource, owner in (
    ("instances", PROJECT), ("cores", PROJECT), ("ram", PROJECT), ("ports", PROJECT), ("networks", PROJECT),
    ("volumes", PROJECT), ("gigabytes", PROJECT), ("image_bytes", PROJECT), ("images", PROJECT),
    ("key_pairs", "a" * 32),
):  # fmt: skip
    DAMAGES[f"counter_of_{resource}_too_high"] = counter(resource, owner, 1)
    DAMAGES[f"counter_of_{resource}_too_low"] = counter(resource, owner, -1)


@damage
def counter_that_is_lost(busy: Busy) -> Damage:
    where = (quota_usage.c.project_id == PROJECT) & (quota_usage.c.resource == "volumes")
    return busy.without(quota_usage, where), {("I-08", f"quota volumes of {PROJECT}")}


# Volumes and images ---------------------------------------------------------------------------------------------


@damage
def volume_file_without_volume(busy: Busy) -> Damage:
    return busy.item(busy.volumes.volumes, STRANGER, 1), {("I-09", f"file of volume {STRANGER} on volume1")}


@damage
def available_volume_without_file(busy: Busy) -> Damage:
    return busy.item(busy.volumes.volumes, busy.volume), {("I-09", f"volume {busy.volume}")}


@damage
def available_volume_on_no_host(busy: Busy) -> Damage:
    return busy.row(volumes, volumes.c.id == busy.volume, host=None), {
        ("I-09", f"volume {busy.volume}"),
        ("I-09", f"file of volume {busy.volume} on volume1"),
        ("I-09", "pool of volume1"),
    }


@damage
def volume_in_use_by_nobody(busy: Busy) -> Damage:
    return busy.row(volumes, volumes.c.id == busy.volume, state="in-use"), {("I-09", f"volume {busy.volume}")}


@damage
def partial_volume(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        busy.volumes.partials.add("v.part")
        yield
        busy.volumes.partials.discard("v.part")

    return plant(), {("I-09", "file v.part on volume1")}


@damage
def image_without_bytes(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        busy.images.stores["filesystem"].delete(f"{busy.image}.0")
        yield
        busy.store(f"{busy.image}.0")

    return plant(), {("I-10", f"image {busy.image}")}


@damage
def image_in_a_store_that_is_not_configured(busy: Busy) -> Damage:
    copy = {"image_id": busy.image, "store": "gone", "name": f"{busy.image}.1", "state": "active"}
    return busy.extra(image_locations, **copy), {("I-10", f"image {busy.image}")}


@damage
def image_with_half_its_bytes(busy: Busy) -> Damage:
    return busy.row(images, images.c.id == busy.image, size=2), {("I-10", f"image {busy.image}")}


@damage
def deactivated_image_with_half_its_bytes(busy: Busy) -> Damage:
    where = images.c.id == busy.image
    return busy.row(images, where, size=2, state="deactivated"), {("I-10", f"image {busy.image}")}


@damage
def bytes_without_image(busy: Busy) -> Damage:
    return busy.stored(f"{STRANGER}.1"), {("I-10", f"stored image {STRANGER}.1")}


@damage
def bytes_of_an_older_upload(busy: Busy) -> Damage:
    return busy.stored(f"{busy.image}.7"), {("I-10", f"stored image {busy.image}.7")}


@damage
def image_that_nobody_fills(busy: Busy) -> Damage:
    """Of a server's copy whose operation is gone; the queued image that a user made by hand waits rightly."""
    return busy.extra(image_properties, image_id=busy.queued, name="instance_uuid", value=busy.web), {
        ("I-12", f"image {busy.queued}"),
    }


@damage
def bytes_of_a_queued_image(busy: Busy) -> Damage:
    return busy.stored(f"{busy.queued}.0"), {("I-10", f"stored image {busy.queued}.0")}


@damage
def forgotten_part_of_an_upload(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        [part] = [file for file in Path(busy.images.options.directory).rglob("*") if busy.saving in file.name]
        was = part.stat().st_mtime
        os.utime(part, (was - 10000, was - 10000))
        yield
        os.utime(part, (was, was))

    return plant(), {("I-10", f"part of stored image {busy.saving}.1")}


@damage
def upload_past_its_lease(busy: Busy) -> Damage:
    long_ago = busy.cloud.clock.now() - timedelta(hours=1)
    return busy.row(images, images.c.id == busy.saving, lease_until=long_ago), {("I-10", f"image {busy.saving}")}


@damage
def upload_without_a_lease(busy: Busy) -> Damage:
    return busy.row(images, images.c.id == busy.saving, lease_until=None), {("I-10", f"image {busy.saving}")}


# Work -----------------------------------------------------------------------------------------------------------


def subject(operation: Any) -> str:
    return f"operation {operation.id} ({operation.kind} of {operation.resource_id})"


@damage
def task_without_operation(busy: Busy) -> Damage:
    """What the server has besides is not judged while it is in transit."""
    return busy.row(servers, servers.c.id == busy.web, task="rebooting"), {("I-12", f"server {busy.web}")}


@damage
def volume_task_without_operation(busy: Busy) -> Damage:
    return busy.row(volumes, volumes.c.id == busy.volume, task="deleting"), {("I-12", f"volume {busy.volume}")}


@damage
def operation_that_vanished(busy: Busy) -> Damage:
    operation = busy.operation()
    return busy.without(operations, operations.c.id == operation.id), {("I-12", f"server {operation.resource_id}")}


@damage
def build_without_task(busy: Busy) -> Damage:
    """Nothing will ever make it ACTIVE."""
    operation = busy.operation()
    return together(
        busy.without(operations, operations.c.id == operation.id),
        busy.row(servers, servers.c.id == operation.resource_id, task=None),
    ), {("I-12", f"server {operation.resource_id}")}


@damage
def operation_with_nothing_to_work_on(busy: Busy) -> Damage:
    stray = new_uuid()
    operation = busy.operation()
    return busy.extra(operations, operation, id=stray, resource_id=busy.web), {
        ("I-12", f"operation {stray} ({operation.kind} of {busy.web})")
    }


@damage
def two_operations_at_once(busy: Busy) -> Damage:
    operation = busy.operation()
    twin = busy.extra(operations, operation, id=new_uuid())
    return twin, {("I-12", f"server {operation.resource_id}")}


def late(column: str, **values: Any) -> Callable[[Busy], Damage]:
    def make(busy: Busy) -> Damage:
        operation = busy.operation()
        long_ago = busy.cloud.clock.now() - timedelta(hours=1)
        where = operations.c.id == operation.id
        invariant = "I-11" if column == "deadline" else "I-12"
        return busy.row(operations, where, **{column: long_ago}, **values), {(invariant, subject(operation))}

    return make


DAMAGES["operation_past_its_deadline"] = late("deadline")
DAMAGES["operation_that_nobody_took_up"] = late("created_at")
DAMAGES["operation_that_nobody_woke"] = late("wake_at", state="waiting")
DAMAGES["operation_of_a_dead_worker"] = late("lease_until", state="running", owner="dead")


@damage
def dead_letter(busy: Busy) -> Damage:
    @contextmanager
    def plant() -> Iterator[None]:
        busy.cloud.bus._dead.append(DeadLetter(queue="compute", reason="rejected", body=b"?"))
        yield
        busy.cloud.bus._dead.clear()

    return plant(), {("I-13", "dead-letter queue")}


# The test -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_audit_reports_exactly(busy: Busy, kind: str) -> None:
    """Before and after, the busy cloud is clean: no false alarm (F-94)."""
    assert busy.audit() == set()
    how, expected = DAMAGES[kind](busy)
    with how:
        assert busy.audit() == expected
    assert busy.audit() == set()


def test_there_are_at_least_thirty_kinds() -> None:
    assert len(DAMAGES) >= 30


def test_a_host_that_is_silent_is_named_and_its_servers_are_not_judged(busy: Busy) -> None:
    with busy.row(servers, servers.c.id == busy.off, host="nowhere"):
        evidence = busy.evidence()
    assert [silence.partition(":")[0] for silence in evidence.silent] == ["iaas-compute on nowhere"]
    assert "nowhere" not in evidence.compute
