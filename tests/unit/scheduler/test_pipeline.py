"""Filters, weighers and ranking on plain values."""

from datetime import UTC, datetime
from typing import Any

import pytest

from iaas.config.sections import Scheduler
from iaas.model.aggregate import ratio
from iaas.model.node import Capacity, Node
from iaas.model.placement import Group, PlacementRequest
from iaas.plugins import load, names
from iaas.scheduler import plugins
from iaas.scheduler.filters.aggregate_metadata import meets
from iaas.scheduler.pipeline import HostState, breakdown, rank, summary

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def host(name: str = "h1", up: bool = True, zone: str = "nova", **changes: Any) -> HostState:
    """4 vCPUs (64 promised), 1 GiB, 100 GiB; ``changes`` are a node's fields or a state's."""
    values: dict[str, Any] = {
        "id": name, "host": name, "hypervisor_hostname": name, "hypervisor_type": "QEMU",
        "hypervisor_version": 7002000, "cpu_arch": "x86_64", "host_ip": "192.0.2.1", "vcpus": 4, "ram_mb": 1024,
        "disk_gb": 100, "vcpus_used": 0, "ram_mb_used": 0, "disk_gb_used": 0, "servers": 0, "failed_builds": 0,
        "failed_at": None, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    state = {key: value for key, value in changes.items() if key not in values or key == "failed_builds"}
    node = Node(**{**values, **{key: value for key, value in changes.items() if key not in state}})
    capacity = Capacity(vcpus=64, ram_mb=node.ram_mb, disk_gb=100)
    why = None if up else "it is down"
    return HostState(node=node, capacity=capacity, zone=zone, takes_work=up, why_not=why, **state)


def request(**changes: Any) -> PlacementRequest:
    values = {"operation_id": "o", "fence": 1, "server_id": "s", "project_id": "p", "vcpus": 1, "ram_mb": 512,
              "disk_gb": 1}  # fmt: skip
    return PlacementRequest(**{**values, **changes})


def group(policy: str, members: int = 2, max_per_host: int = 1) -> Group:
    return Group(policy=policy, members=members, max_per_host=max_per_host)


def image(**properties: str) -> PlacementRequest:
    return request(image_properties=properties)


def spec(value: str) -> PlacementRequest:
    return request(extra_specs={"aggregate_instance_extra_specs:ssd": value, "hw:cpu_policy": "shared"})


CASES = [
    ("service", host(), request(), None),
    ("service", host(up=False), request(), "it is down"),
    ("ram", host(ram_mb_used=512), request(ram_mb=512), None),
    ("ram", host(ram_mb_used=513), request(ram_mb=512), "512 MiB RAM wanted, 511 of 1024 free"),
    ("vcpu", host(), request(vcpus=4), None),
    ("vcpu", host(), request(vcpus=5), "5 vCPUs wanted, the host has 4 CPUs"),
    ("vcpu", host(vcpus_used=62), request(vcpus=3), "3 vCPUs wanted, 2 of 64 free"),
    ("disk", host(), request(disk_gb=100), None),
    ("disk", host(), request(disk_gb=101), "101 GiB disk wanted, 100 of 100 free"),
    ("zone", host(zone="z1"), request(availability_zone="z2"), "it is in zone z1, not z2"),
    ("zone", host(zone="z1"), request(availability_zone="z1"), None),
    ("zone", host(zone="z1"), request(), None),
    ("affinity", host(group_members=0), request(group=group("affinity")),
     "servers of the group here: 0, on other hosts: 2"),
    ("affinity", host(group_members=2), request(group=group("affinity")), None),
    ("affinity", host(group_members=0), request(group=group("affinity", members=0)), None),
    ("affinity", host(group_members=0), request(group=group("soft-affinity")), None),
    ("affinity", host(), request(), None),
    ("anti_affinity", host(group_members=1), request(group=group("anti-affinity")),
     "servers of the group here: 1, allowed: 1"),
    ("anti_affinity", host(group_members=1), request(group=group("anti-affinity", max_per_host=2)), None),
    ("anti_affinity", host(group_members=2), request(group=group("anti-affinity", max_per_host=2)),
     "servers of the group here: 2, allowed: 2"),
    ("anti_affinity", host(group_members=1), request(group=group("soft-anti-affinity")), None),
    ("anti_affinity", host(group_members=1), request(), None),
    ("different_host", host(neighbours=frozenset("ab")), request(different_host=("a", "b", "c")),
     "2 of the 3 servers to be apart from are here"),
    ("different_host", host(neighbours=frozenset("d")), request(different_host=("a",)), None),
    ("same_host", host(neighbours=frozenset("b")), request(same_host=("a", "b")), None),
    ("same_host", host(), request(same_host=("a", "b")), "none of the 2 servers to be with is here"),
    ("same_host", host(), request(), None),
    ("image_properties", host(), request(), None),
    ("image_properties", host(), image(architecture="AMD64"), None),
    ("image_properties", host(), image(architecture="i386"), None),
    ("image_properties", host(cpu_arch="i686"), image(architecture="x86_64"),
     "the image wants architecture x86_64, the host has i686"),
    ("image_properties", host(), image(architecture="aarch64"),
     "the image wants architecture aarch64, the host has x86_64"),
    ("image_properties", host(), image(hypervisor_type="kvm"), "the image wants hypervisor kvm, the host has qemu"),
    ("image_properties", host(hypervisor_type="KVM"), image(hypervisor_type="QEMU"), None),
    ("image_properties", host(), image(vm_mode="xen"), "the image wants machine mode xen, the host has hvm"),
    ("image_properties", host(), image(vm_mode="hvm"), None),
    ("image_properties", host(), image(hypervisor_version=">=6.0,<8"), None),
    ("image_properties", host(), image(hypervisor_version="7.2"), None),
    ("image_properties", host(), image(hypervisor_version=">=8"),
     "the image wants hypervisor version >=8, the host has 7.2"),
    ("image_properties", host(), image(hypervisor_version="newest"),
     "the image wants hypervisor version newest, the host has 7.2"),
    ("aggregate_metadata", host(), request(extra_specs={"hw:x": "1"}), None),
    ("aggregate_metadata", host(), spec("true"), "the flavor wants ssd true, the host's aggregates say nothing"),
    ("aggregate_metadata", host(aggregates=({"ssd": "no"}, {"x": "1"})), spec("true"),
     "the flavor wants ssd true, the host's aggregates say no"),
    ("aggregate_metadata", host(aggregates=({"ssd": "no"}, {"ssd": "maybe, true"})), spec("true"), None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "state", "wanted", "reason"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)]
)
def test_a_filter_says_why_in_numbers(name: str, state: HostState, wanted: PlacementRequest, reason: str) -> None:
    assert load("iaas.scheduler.filters", name)().rejects(state, wanted) == reason


def test_every_filter_has_a_case_that_passes_and_one_that_does_not_and_is_on_by_default() -> None:
    every = set(names("iaas.scheduler.filters"))
    assert every == {case[0] for case in CASES if case[3]} == {case[0] for case in CASES if not case[3]}
    assert every == set(Scheduler().filters)


@pytest.mark.parametrize(
    ("has", "wanted", "met"),
    [("5", ">= 4", True), ("3", ">= 4", False), ("3", "= 4", False), ("x", "== 4", False), ("4.0", "== 4", True),
     ("new", "s!= old", True), ("old", "s!= old", False), ("abc", "<in> b", True), ("abc", "<in> d", False),
     ("b", "<or> a <or> b", True), ("c", "<or> a <or> b", False), ("b", "s>= a", True), ("true", "true", True)],
)  # fmt: skip
def test_an_aggregates_value_meets_a_flavors_condition(has: str, wanted: str, met: bool) -> None:
    assert meets(has, wanted) is met


def test_reasons_hold_no_names_of_hosts() -> None:
    """Users read them (S-071)."""
    forced = request(forced_host="elsewhere", exclude=("secret",))
    named = host("secret", up=False, zone="z", group_members=1)
    for name, item in plugins.filters(Scheduler()):
        for asked in (forced, request(group=group("anti-affinity"), exclude=("secret",))):
            why = item.rejects(named, asked) or ""
            assert "secret" not in why and "elsewhere" not in why, name


WEIGHTS = [
    ("ram", host(ram_mb_used=24), request(), 1000.0),
    ("cpu", host(vcpus_used=4), request(), 60.0),
    ("failed_builds", host(failed_builds=2), request(), -2.0),
    ("soft_affinity", host(group_members=2), request(group=group("soft-affinity")), 2.0),
    ("soft_affinity", host(group_members=2), request(group=group("soft-anti-affinity")), -2.0),
    ("soft_affinity", host(group_members=2), request(group=group("affinity")), 0.0),
    ("soft_affinity", host(group_members=2), request(), 0.0),
]


@pytest.mark.parametrize(("name", "state", "wanted", "weight"), WEIGHTS, ids=range(len(WEIGHTS)))
def test_a_weight(name: str, state: HostState, wanted: PlacementRequest, weight: float) -> None:
    assert load("iaas.scheduler.weighers", name)().weigh(state, wanted) == weight


def test_every_weigher_has_a_case_and_is_on_by_default() -> None:
    assert set(names("iaas.scheduler.weighers")) == {case[0] for case in WEIGHTS} == set(Scheduler().weighers)


def order(hosts: list[HostState], *weighers: str) -> list[str]:
    ranking = rank(hosts, request(), [], plugins.weighers(Scheduler(weighers=weighers)))
    return [state.node.host for state in ranking.hosts]


def test_the_first_weigher_decides_the_next_between_equals_and_names_at_last() -> None:
    """A-038: and turned round, a weigher packs."""
    hosts = [host("b", vcpus_used=1), host("c", ram_mb=2048), host("a", vcpus_used=1), host("d")]
    assert order(hosts, "ram", "cpu") == ["c", "d", "a", "b"]
    assert order(hosts, "-ram", "cpu") == ["d", "a", "b", "c"]
    assert order(hosts, "-cpu", "-ram") == ["a", "b", "d", "c"]


def test_no_valid_host_counts_per_filter_with_numbers_and_names_no_host_to_users() -> None:
    """A-054."""
    filters = [(name, load("iaas.scheduler.filters", name)()) for name in ("service", "ram")]
    hosts = [host("a", up=False), host("b", ram_mb=100), host("c", ram_mb=99), host("d", ram_mb=99)]
    ranking = rank(hosts, request(), filters, [])
    assert ranking.hosts == ()
    assert summary(ranking.rejected, 4) == (
        "No valid host was found. There are not enough hosts available: of 4, service removed 1 (it is down), "
        "ram removed 3 (512 MiB RAM wanted, 99 of 99 free; 512 MiB RAM wanted, 100 of 100 free)."
    )
    assert breakdown(ranking.rejected) == (
        "service: a: it is down\n"
        "ram: b: 512 MiB RAM wanted, 100 of 100 free; c: 512 MiB RAM wanted, 99 of 99 free; "
        "d: 512 MiB RAM wanted, 99 of 99 free"
    )


def test_a_thousand_hosts_make_no_endless_message() -> None:
    filters = [("ram", load("iaas.scheduler.filters", "ram")())]
    ranking = rank([host(f"h{number}", ram_mb=number) for number in range(500)], request(), filters, [])
    assert "and 497 more" in summary(ranking.rejected, 500) and len(summary(ranking.rejected, 500)) < 400
    assert len(breakdown(ranking.rejected)) == 4000


def test_the_least_ratio_of_the_aggregates_counts_and_nonsense_does_not() -> None:
    several = [{"cpu_allocation_ratio": "4"}, {"cpu_allocation_ratio": "2.5"}, {"cpu_allocation_ratio": "many"},
               {"cpu_allocation_ratio": "-1"}, {"cpu_allocation_ratio": "nan"}]  # fmt: skip
    assert ratio("cpu", several, 16.0) == 2.5
    assert ratio("ram", several, 1.0) == 1.0
