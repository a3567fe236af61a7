"""Filters and ranking on plain values."""

from datetime import UTC, datetime

import pytest

from iaas.model.node import Capacity, Node
from iaas.model.placement import PlacementRequest
from iaas.plugins import load, names
from iaas.scheduler.pipeline import HostState, rank, summary


def host(name: str = "h1", ram: int = 1024, ram_used: int = 0, zone: str = "nova", up: bool = True) -> HostState:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    node = Node(
        id=name, host=name, hypervisor_hostname=name, hypervisor_type="QEMU", hypervisor_version=7002000,
        cpu_arch="x86_64", host_ip="192.0.2.1", vcpus=4, ram_mb=ram, disk_gb=100,
        vcpus_used=0, ram_mb_used=ram_used, disk_gb_used=0, servers=0, created_at=now, updated_at=now,
    )  # fmt: skip
    capacity = Capacity(vcpus=64, ram_mb=ram, disk_gb=100)
    return HostState(node=node, capacity=capacity, zone=zone, takes_work=up, why_not=None if up else "it is down")


def request(**changes: object) -> PlacementRequest:
    values = {"operation_id": "o", "fence": 1, "server_id": "s", "project_id": "p", "vcpus": 1, "ram_mb": 512,
              "disk_gb": 1}  # fmt: skip
    return PlacementRequest(**{**values, **changes})  # type: ignore[arg-type]


CASES = [
    ("service", host(), request(), None),
    ("service", host(up=False), request(), "it is down"),
    ("ram", host(ram=1024, ram_used=512), request(ram_mb=512), None),
    ("ram", host(ram=1024, ram_used=513), request(ram_mb=512), "512 MiB RAM wanted, 511 of 1024 free"),
    ("vcpu", host(), request(vcpus=4), None),
    ("vcpu", host(), request(vcpus=5), "5 vCPUs wanted, the host has 4 CPUs"),
    ("disk", host(), request(disk_gb=101), "101 GiB disk wanted, 100 of 100 free"),
    ("zone", host(zone="z1"), request(availability_zone="z2"), "it is in zone z1, not z2"),
    ("zone", host(zone="z1"), request(), None),
]


@pytest.mark.parametrize(("name", "state", "wanted", "reason"), CASES)
def test_a_filter_says_why_in_numbers(name: str, state: HostState, wanted: PlacementRequest, reason: str) -> None:
    assert load("iaas.scheduler.filters", name)().rejects(state, wanted) == reason


def test_every_filter_has_a_case() -> None:
    assert set(names("iaas.scheduler.filters")) == {case[0] for case in CASES}


def test_the_host_with_the_most_free_ram_comes_first_and_ties_go_by_name() -> None:
    weighers = [load("iaas.scheduler.weighers", "ram")()]
    ranking = rank([host("b"), host("c", ram=2048), host("a")], request(), [], weighers)
    assert [state.node.host for state in ranking.hosts] == ["c", "a", "b"]


def test_no_valid_host_counts_per_filter_and_names_no_host() -> None:
    filters = [(name, load("iaas.scheduler.filters", name)()) for name in ("service", "ram")]
    ranking = rank([host("a", up=False), host("b", ram=100), host("c", ram=99)], request(), filters, [])
    assert ranking.hosts == ()
    assert ranking.rejected["ram"] == {
        "b": "512 MiB RAM wanted, 100 of 100 free",
        "c": "512 MiB RAM wanted, 99 of 99 free",
    }
    words = summary(ranking.rejected, 3)
    assert "service removed 1, ram removed 2" in words
